"""The functions that a request may name: nothing is ever imported for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from rota.manager import TaskManager

Function = Callable[..., Any]


def known_functions(manager: TaskManager) -> dict[str, Function]:
    """Return, by "module:function", what the application registered and what its task files
    define: their own public functions."""
    found: dict[str, Function] = {}
    for file in manager.catalogue.files:
        if file.module is not None:
            found.update(_public(file.module))
    for entry in manager.services.engine.registry.entries():
        found[entry.definition.func_path] = entry.definition.func
    return found


def _public(module: ModuleType) -> Iterator[tuple[str, Function]]:
    for name, value in list(vars(module).items()):
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        if own and not name.startswith("_") and name != "register_tasks":
            yield f"{module.__name__}:{name}", value
