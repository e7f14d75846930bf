"""Which task manager of this process adds the marks of `@rota.task`, and the warning about those
that none adds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

from rota.discovery import marked
from rota.errors import DefinitionError, RotaError
from rota.manager.base import managers
from rota.task_api import decorator
from rota.task_api.decorator import Pending
from rota.task_api.jobs import id_of, marks_of

if TYPE_CHECKING:
    from rota.manager.tasks import TaskVerbs

_owners: dict[int, tuple[Pending, ReferenceType[TaskVerbs]]] = {}
_said: set[int] = set()
_taking = 0  # how many calls take in marks at this moment


@contextmanager
def taking() -> Iterator[None]:
    """Postpone what is marked in this block until its end, so that no warning is given."""
    global _taking
    decorator.on_mark = _say_late
    _taking += 1
    try:
        yield
    finally:
        _taking -= 1


def take_in(manager: TaskVerbs) -> list[RotaError]:
    """Add what is marked in the imported modules, each mark once, to the first manager that is
    started or loads its task files; returns what is wrong with any.
    """
    errors: list[RotaError] = []
    project, defaults = manager.services.project.absolute(), manager.config.manager
    for module, marks in marked.imported(manager.catalogue.files):
        mine = [mark for mark in marks if _is_free(mark, manager, module)]
        if not mine:
            continue
        for mark in mine:
            _owners[id(mark)] = mark, ref(manager)
        found = marked.read(module, mine, project, defaults)
        errors += found.errors
        for definition in found.definitions:
            try:
                manager.add_definition(definition)
            except RotaError as error:
                errors.append(error)
    return errors


def mark_of(func: Any, id: str | None) -> Any:
    """Return what `@rota.task` wrote at a function under an id, or its only mark; None if the
    function is not marked.
    """
    marks = marks_of(func)
    if id is None and len(marks) > 1:
        ids = ", ".join(repr(id_of(mark)) for mark in marks)
        remedy = "Name the id of the one to add."
        raise DefinitionError(f"the function is several tasks: {ids}.", where="id", remedy=remedy)
    return next((mark for mark in marks if id is None or id_of(mark) == id), None)


def owner_of(mark: Any) -> TaskVerbs | None:
    """Return the task manager that added a mark; None if none did or it is gone."""
    found = _owners.get(id(mark))
    return None if found is None else found[1]()


def own(mark: Any, manager: TaskVerbs) -> None:
    """Note that a task manager has a mark."""
    _owners[id(mark)] = mark, ref(manager)


def _is_free(mark: Pending, manager: TaskVerbs, module: ModuleType) -> bool:
    _, owner = _owners.get(id(mark), (mark, None))
    other = owner() if owner is not None else None
    if other is None or (other is not manager and not other.running):
        return True
    if other is not manager and id(mark) not in _said:
        _say(
            mark,
            vars(module),
            f"@rota.task {_name(mark)!r} is another task manager's of this process, which was"
            " started before.",
        )
    return False


def _say_late(mark: Pending, names: dict[str, Any]) -> None:
    """Warn that no task manager adds a mark that was made after the start."""
    if _taking or id(mark) in _said or not any(manager.running for manager in managers):
        return
    _say(
        mark,
        names,
        f"@rota.task {_name(mark)!r} was marked after start(), so it is not taken in. Import its"
        " module before, name it in manager.tasks_modules, or use add_task.",
    )


def _say(mark: Pending, names: dict[str, Any], text: str) -> None:
    """Warn about what happens to a mark, with its place. It is a warning of Python's own, because
    log records of a running manager reach no handler if logging is not set up.
    """
    _said.add(id(mark))
    place = str(names.get("__file__") or names.get("__name__"))
    warnings.warn_explicit(text, RuntimeWarning, place, mark.line)


def _name(mark: Pending) -> object:
    if mark.id is None and isinstance(mark.func, FunctionType):
        return mark.func.__qualname__
    return mark.id
