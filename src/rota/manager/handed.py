"""What is handed in for runs, checked at the door: all of it is right, or nothing is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rota.core.task import TaskDefinition
from rota.definitions.arguments import Misfit, parameters_of
from rota.errors import MOST_LISTED, ArgumentError, Mistakes, RotaError


def handed_in(
    id: str, task: TaskDefinition | None, given: Sequence[Any], *, many: bool
) -> list[dict[str, Any] | None]:
    """Return the arguments of each start as they are stored; raises ArgumentError, or Mistakes.

    Without a definition, as for a task that only other nodes know, they are checked to be JSON.
    """
    errors: list[RotaError] = []
    checked: list[dict[str, Any] | None] = []
    more = 0
    for number, arguments in enumerate(given):
        stored, misfits = _checked(task, arguments)
        checked.append(stored)
        for misfit in misfits:
            if len(errors) < MOST_LISTED:
                place = f"arguments[{number}]" if many else "arguments"
                errors.append(_error(id, task, place, misfit))
            else:
                more += 1
    if more:
        errors.append(ArgumentError(f"and {more} more mistakes.", where="arguments"))
    if errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    return checked


def _checked(
    task: TaskDefinition | None, arguments: Any
) -> tuple[dict[str, Any] | None, list[Misfit]]:
    if arguments is None:
        return None, []
    if type(arguments) is not dict and not isinstance(arguments, Mapping):
        what = f"this {type(arguments).__name__} is no mapping from names to values"
        return None, [Misfit("", what, "Write {'name': value}.")]
    misfits = list(_unnamed(arguments)) if arguments else []
    if misfits:
        return None, misfits
    if task is None:
        return parameters_of(_anything).stored((), arguments, misfits)[1], misfits
    parameters = parameters_of(task.func)
    misfits += parameters.misfits(task.args, {**task.kwargs, **arguments})
    if misfits:
        refused = {misfit.name for misfit in misfits}
        arguments = {name: value for name, value in arguments.items() if name not in refused}
    return parameters.stored((), arguments, misfits)[1], misfits


def _anything(**arguments: Any) -> None:
    """Stand in for a function that is not known here."""


def _unnamed(arguments: Mapping[Any, Any]) -> Iterator[Misfit]:
    for name in arguments:
        if not isinstance(name, str):
            what = f"a name of type {type(name).__name__} is no text"
            yield Misfit("", what, "Write {'name': value}.")


def _error(id: str, task: TaskDefinition | None, place: str, misfit: Misfit) -> ArgumentError:
    name = misfit.name[:200]
    func = f"{parameters_of(task.func)}: " if task is not None else ""
    return ArgumentError(
        f"task {id!r}: {func}{misfit.what}.",
        name=misfit.name,
        where=f"{place}.{name}" if name else place,
        remedy=misfit.remedy,
    )
