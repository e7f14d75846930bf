"""How a marked function enqueues its runs: which task manager, and which task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rota.core.task import JOB
from rota.definitions.callables import is_same_function
from rota.definitions.define import define
from rota.engine.planning.task_registry import RegisteredTask
from rota.errors import DefinitionError, Mistakes, StateError
from rota.manager.jobs import EnqueueRequest, JobVerbs
from rota.manager.marked import take_in, taking
from rota.task_api.handles import RunHandle
from rota.task_api.jobs import Arguments, id_of, in_thread


class MarkedEnqueuer:
    """One task manager, for the functions that `@rota.task` marked."""

    def __init__(self, manager: JobVerbs) -> None:
        self._manager = manager

    def enqueue_marked(
        self,
        marks: Sequence[Any],
        calls: Sequence[Arguments],
        options: Mapping[str, Any],
        *,
        many: bool,
    ) -> list[RunHandle[Any]]:
        """See `rota.task_api.jobs.TaskEnqueuer`."""
        request = EnqueueRequest(known_id(self._manager, marks), calls, options, many=many)
        return self._manager._enqueue(request)

    async def aenqueue_marked(
        self,
        marks: Sequence[Any],
        calls: Sequence[Arguments],
        options: Mapping[str, Any],
        *,
        many: bool,
    ) -> list[RunHandle[Any]]:
        """See `rota.task_api.jobs.TaskEnqueuer`."""
        id: str = await in_thread(lambda: known_id(self._manager, marks))
        return await self._manager._aenqueue(EnqueueRequest(id, calls, options, many=many))


def known_id(manager: JobVerbs, marks: Sequence[Any]) -> str:
    """Return the id of the task that a marked function is, once the manager knows it: of several,
    the only job. Raises DefinitionError, or Mistakes for several."""
    found = [_known_by(manager, mark) for mark in marks]
    jobs = [entry for entry in found if entry.definition.trigger == JOB]
    if len(found) > 1 and len(jobs) != 1:
        ids = ", ".join(repr(entry.definition.id) for entry in found)
        raise DefinitionError(
            f"the function is several tasks, {ids}: it does not say which one to enqueue.",
            remedy=f"Name it: manager.enqueue({found[0].definition.id!r}, …).",
        )
    return (jobs if len(found) > 1 else found)[0].definition.id


def _known_by(manager: JobVerbs, mark: Any) -> RegisteredTask:
    id, registry = id_of(mark), manager.services.engine.registry
    entry = registry.get(id)
    if entry is None:
        with taking():
            errors = take_in(manager)
        entry = registry.get(id)
        if entry is None and errors:
            raise errors[0] if len(errors) == 1 else Mistakes(errors)
    if entry is None:
        defaults = manager.config.manager
        given = define(mark.func, mark.trigger, id, mark.options, defaults=defaults)
        entry = manager.add_definition(given)
    if not is_same_function(entry.definition.func, mark.func):
        raise StateError(
            f"the id {id!r} is taken by {entry.definition.func_path}.",
            remedy="Give each task an id of its own.",
        )
    return entry
