"""The task manager: `base` is what its verbs need, `tasks` and `runs` are the verbs, `process` the
whole, and the manager of this process.

Each name is imported when it is first used: a program that needs only the REST models loads no
scheduler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.manager.process import Manager as Manager
    from rota.manager.process import TaskManager as TaskManager

__all__ = ["Manager", "TaskManager"]


def __getattr__(name: str) -> Any:
    """Import a name from its own module the first time it is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("rota.manager.process"), name)
