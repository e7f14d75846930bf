"""Mistakes that only all task files together show: unknown upstream tasks, and cycles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rota.core.chains.rule import AFTER, cycle_through, upstream_ids
from rota.core.task import TaskDefinition
from rota.errors import DefinitionError, RotaError, nearest

if TYPE_CHECKING:
    from rota.discovery.loader import LoadedFile


def upstream_of(definition: TaskDefinition) -> tuple[str, ...]:
    """Return the ids of the tasks that a task runs after."""
    return upstream_ids(definition.trigger_args) if definition.trigger == AFTER else ()


def checked(files: Sequence[LoadedFile]) -> list[LoadedFile]:
    """Return the files without the tasks that run after themselves, and with every mistake in the
    chains of tasks. A task after one that is not there is kept: it runs once that one is back.
    """
    definitions = [one for file in files for one in file.definitions]
    links = {one.id: ids for one in definitions if (ids := upstream_of(one))}
    if not links:
        return list(files)
    # What `register_tasks` adds is not known yet.
    known = None if any(file.register for file in files) else {one.id for one in definitions}
    return [_checked(file, links, known) for file in files]


def _checked(
    file: LoadedFile, links: Mapping[str, Collection[str]], known: Collection[str] | None
) -> LoadedFile:
    kept: list[TaskDefinition] = []
    errors: list[RotaError] = []
    for definition in file.definitions:
        path = cycle_through(definition.id, links) if definition.id in links else []
        if path:
            errors.append(_cycle(definition, path))
            continue
        kept.append(definition)
        if known is not None:
            missing = [one for one in links.get(definition.id, ()) if one not in known]
            errors += [_unknown(definition, one, known) for one in missing]
    said = {str(one) for one in file.errors}
    new = tuple(one for one in errors if str(one) not in said)
    if not new and len(kept) == len(file.definitions):
        return file
    return replace(file, definitions=tuple(kept), errors=(*file.errors, *new))


def _cycle(definition: TaskDefinition, path: Sequence[str]) -> RotaError:
    what = f"it runs after itself: {' after '.join(path)}."
    return DefinitionError(
        what, where=_place(definition), remedy="Take one of these tasks out of the `after` of one."
    )


def _unknown(definition: TaskDefinition, task_id: str, known: Collection[str]) -> RotaError:
    what = f"it runs after {task_id!r}, and no task file defines a task of that id."
    remedy = nearest(task_id, sorted(known)) or "Define that task, or correct its file."
    return DefinitionError(what, where=_place(definition), remedy=remedy)


def _place(definition: TaskDefinition) -> str:
    return f"{definition.source}, task {definition.id!r}"
