"""Checks the arguments given for runs: all of them are right, or nothing is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rota.core.task import BY_PLACE, TaskDefinition
from rota.definitions.arguments import ArgumentMismatch, parameters_of
from rota.errors import MOST_LISTED, ArgumentError, Mistakes, RotaError


def checked_arguments(
    id: str, task: TaskDefinition | None, given: Sequence[Any], *, many: bool
) -> list[dict[str, Any] | None]:
    """Return the arguments of each start as they are stored; raises ArgumentError, or Mistakes.

    Without a definition, as for a task that only other nodes know, they are checked to be JSON.
    """
    errors: list[RotaError] = []
    checked: list[dict[str, Any] | None] = []
    more = 0
    none: dict[str, Any] | None = None  # what is stored of a run without arguments, once known
    for number, arguments in enumerate(given):
        is_empty = type(arguments) is dict and not arguments
        if none is not None and is_empty:
            checked.append(dict(none))
            continue
        stored, mismatches = _checked(task, arguments)
        if is_empty and not mismatches:
            none = stored
        checked.append(stored)
        for mismatch in mismatches:
            if len(errors) < MOST_LISTED:
                place = f"arguments[{number}]" if many else "arguments"
                errors.append(_error(id, task, place, mismatch))
            else:
                more += 1
    if more:
        errors.append(ArgumentError(f"and {more} more mistakes.", where="arguments"))
    if errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    return checked


def _checked(
    task: TaskDefinition | None, arguments: Any
) -> tuple[dict[str, Any] | None, list[ArgumentMismatch]]:
    if arguments is None:
        mismatches = parameters_of(task.func).mismatches(task.args, task.kwargs) if task else []
        return None, mismatches
    if type(arguments) is not dict and not isinstance(arguments, Mapping):
        what = f"this {type(arguments).__name__} is no mapping from names to values"
        return None, [ArgumentMismatch("", what, "Write {'name': value}.")]
    mismatches = list(_unnamed(arguments)) if arguments else []
    if mismatches:
        return None, mismatches
    placed: Any = ()
    if BY_PLACE in arguments:
        arguments = dict(arguments)
        placed = arguments.pop(BY_PLACE)
        if not isinstance(placed, list | tuple):
            what = f"a {type(placed).__name__} is no list of positional arguments"
            return None, [ArgumentMismatch(BY_PLACE, what, "Write [ … ] around them.")]
    if task is None:
        return _together(parameters_of(_anything).stored(placed, arguments, mismatches)), mismatches
    parameters = parameters_of(task.func)
    args, kwargs = parameters.completed(placed, arguments, (task.args, task.kwargs))
    mismatches += parameters.mismatches(args, kwargs)
    if args is not task.args:  # the run has positional arguments: it has all of them
        placed, arguments = args, kwargs
    if mismatches:
        if placed:
            return None, mismatches
        refused = {mismatch.name for mismatch in mismatches}
        arguments = {name: value for name, value in arguments.items() if name not in refused}
    return _together(parameters.stored(placed, arguments, mismatches)), mismatches


def _together(stored: tuple[tuple[Any, ...], dict[str, Any]]) -> dict[str, Any]:
    placed, named = stored
    return {BY_PLACE: list(placed), **named} if placed else named


def _anything(*args: Any, **arguments: Any) -> None:
    """Stand in for a function that is not known here."""


def _unnamed(arguments: Mapping[Any, Any]) -> Iterator[ArgumentMismatch]:
    for name in arguments:
        if not isinstance(name, str):
            what = f"a name of type {type(name).__name__} is no text"
            yield ArgumentMismatch("", what, "Write {'name': value}.")


def _error(
    id: str, task: TaskDefinition | None, place: str, mismatch: ArgumentMismatch
) -> ArgumentError:
    name = mismatch.name[:200]
    func = f"{parameters_of(task.func)}: " if task is not None else ""
    return ArgumentError(
        f"task {id!r}: {func}{mismatch.what}.",
        name=mismatch.name,
        where=f"{place}.{name}" if name else place,
        remedy=mismatch.remedy,
    )
