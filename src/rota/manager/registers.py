"""Calls a task file's own `register_tasks`, and records what it added."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rota.core.outcome import error_text
from rota.core.task import TaskDefinition
from rota.discovery import LoadedFile
from rota.errors import RotaError, TaskFileError

_added: ContextVar[list[TaskDefinition]] = ContextVar("added")


@dataclass(frozen=True, slots=True)
class Registered:
    """What the `register_tasks` of a module added, and what went wrong."""

    module: ModuleType | None = None
    definitions: tuple[TaskDefinition, ...] = ()
    error: RotaError | None = None


def note(definition: TaskDefinition) -> None:
    """Note that a task was added, if a `register_tasks` is in progress here."""
    _added.get([]).append(definition)


def register(file: LoadedFile, manager: Any, last: Registered) -> Registered:
    """Call a file's `register_tasks`; if it fails, the tasks that it added `last` remain its
    own.
    """
    added: list[TaskDefinition] = []
    token = _added.set(added)
    try:
        error = _mistake(file, manager)
    finally:
        _added.reset(token)
    kept = () if error is None else last.definitions
    return Registered(file.module, (*kept, *added), error)


def _mistake(file: LoadedFile, manager: Any) -> RotaError | None:
    try:
        if file.register is not None:
            file.register(manager)
    except RotaError as error:
        return error
    except Exception as error:
        return TaskFileError(
            f"its register_tasks raised {error_text(error)}.",
            where=str(file.path),
            remedy="Correct it; the tasks that it had added before continue.",
        )
    return None
