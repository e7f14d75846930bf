"""rota: background tasks from plain files, scheduled, run exactly once, recorded and shown.

Names that are not in `__all__` are private. Importing this starts nothing and loads little: each
name is found when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rota.version import VERSION as __version__

if TYPE_CHECKING:
    from rota import errors as errors
    from rota import web as web
    from rota.asgi import lifespan as lifespan
    from rota.core.task import Task as Task
    from rota.manager import TaskManager as TaskManager
    from rota.task_api.commands import command as command
    from rota.task_api.current_run import CurrentRun as CurrentRun
    from rota.task_api.current_run import current_run as current_run
    from rota.task_api.decorator import task as task
    from rota.task_api.handles import RunHandle as RunHandle
    from rota.task_api.jobs import TaskFunction as TaskFunction
    from rota.task_api.once import once as once
    from rota.task_api.verdicts import Fail as Fail
    from rota.task_api.verdicts import Retry as Retry
    from rota.task_api.verdicts import Skip as Skip
    from rota.triggers import describe as describe
    from rota.triggers import preview as preview


_HOMES = {
    "CurrentRun": "rota.task_api.current_run",
    "Fail": "rota.task_api.verdicts",
    "Retry": "rota.task_api.verdicts",
    "RunHandle": "rota.task_api.handles",
    "Skip": "rota.task_api.verdicts",
    "Task": "rota.core.task",
    "TaskFunction": "rota.task_api.jobs",
    "TaskManager": "rota.manager",
    "command": "rota.task_api.commands",
    "current_run": "rota.task_api.current_run",
    "describe": "rota.triggers",
    "errors": "rota.errors",
    "lifespan": "rota.asgi",
    "once": "rota.task_api.once",
    "preview": "rota.triggers",
    "task": "rota.task_api.decorator",
    "web": "rota.web",
}

__all__ = [
    "CurrentRun",
    "Fail",
    "Retry",
    "RunHandle",
    "Skip",
    "Task",
    "TaskFunction",
    "TaskManager",
    "__version__",
    "command",
    "current_run",
    "describe",
    "errors",
    "lifespan",
    "once",
    "preview",
    "task",
    "web",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its own module the first time it is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_HOMES[name])
    return module if name in ("errors", "web") else getattr(module, name)
