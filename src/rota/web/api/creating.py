"""Creating tasks by request, only for functions that are already known.

A `func_path` is looked up in a table of names. Nothing is imported for it and no attribute is
followed, so it can only name a function that the application registered or a task file defines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from types import FunctionType, ModuleType
from typing import Any

from rota.core.task import TaskDefinition
from rota.definitions.define import define
from rota.definitions.options import OPTIONS
from rota.errors import DefinitionError, Mistakes, RotaError, nearest
from rota.manager import TaskManager
from rota.manager.schemas import TaskCreate
from rota.web.problems import Problem

Function = Callable[..., Any]


def refuse_unless_allowed(manager: TaskManager) -> None:
    """Raise Problem unless the configuration enables creation."""
    if not manager.config.manager.api_creates_tasks:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "tasks are not created over the API here.",
            kind="creation-is-off",
            remedy="Write the task into a task file, or set manager.api_creates_tasks to true.",
        )


def definition_of(manager: TaskManager, task: TaskCreate) -> TaskDefinition:
    """Return the definition of a new task; raises DefinitionError, or Mistakes for several."""
    errors: list[RotaError] = []
    func = _function(manager, task.func_path, errors)
    options: dict[str, Any] = task.model_dump(include=set(OPTIONS), exclude_none=True)
    definition = None
    try:
        definition = define(
            func,
            task.trigger,
            _slug(task.name) if task.id is None else task.id,
            options,
            defaults=manager.config.manager,
        )
    except Mistakes as mistakes:
        errors += mistakes.errors
    except DefinitionError as error:
        errors.append(error)
    if definition is None or errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    return definition


def known_functions(manager: TaskManager) -> dict[str, Function]:
    """Return the known functions by "module:function".

    These are the functions that the application registered, and the public functions that its
    task files define themselves, without those that they import.
    """
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


def _function(manager: TaskManager, path: str, errors: list[RotaError]) -> Function:
    """Return a known function; for others, adds an error and returns one that does nothing."""
    functions = known_functions(manager)
    found = functions.get(path) or {
        name.replace(":", "."): func for name, func in functions.items()
    }.get(path)
    if found is not None:
        return found
    hint = nearest(path, list(functions))
    errors.append(
        DefinitionError(
            f"{path[:200]!r} is not a function that the application registered or that a task file"
            " defines.",
            where="func_path",
            remedy=hint if len(hint) < 1000 else "GET /manager/tasks shows the paths in use.",
        )
    )
    return _nothing


def _nothing() -> None:
    """Replace an unknown function while the rest of the request is checked."""


def _slug(name: str) -> str:
    """Return an id made from a name: its letters and digits, joined by underscores."""
    return "_".join(re.findall(r"\w++", name[:200].lower())) or name
