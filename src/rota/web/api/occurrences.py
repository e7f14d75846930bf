"""Occurrences over REST: the coming ones, and the outcome of the past ones."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rota.core.ports.records import RunFilter
from rota.core.run import Cause
from rota.core.time import to_datetime
from rota.engine.planning.upcoming import upcoming_of_all
from rota.manager import TaskManager
from rota.web.api.models import Moment, OccurrenceRead, RunRead, instant
from rota.web.api.paging import After, Limit, link_next
from rota.web.api.tasks import existing

OCCURRED = frozenset({Cause.SCHEDULE, Cause.BACKFILL})

_DAY = 86_400
Horizon = Annotated[
    int, Query(ge=1, le=3_660 * _DAY, description="How far to look ahead, in seconds.")
]


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints."""

    @router.get("/manager/occurrences/next", tags=["occurrences"])
    def list_next(
        task: str | None = None, horizon: Horizon = _DAY, limit: Limit = 100
    ) -> list[OccurrenceRead]:
        """List the coming occurrences of all tasks, or of one, in the order of their times.

        Only tasks whose code this node has are included: it can compute no others.
        """
        if task is not None:
            existing(manager, task)
        registry, now = manager.services.engine.registry, manager.services.clock.now()
        entries = [entry for entry in registry.entries() if task in (None, entry.definition.id)]
        end = now + horizon * 1_000_000
        coming = takewhile(lambda found: found[0] <= end, upcoming_of_all(entries, now))
        return [
            OccurrenceRead(
                task_id=entry.definition.id,
                name=entry.name,
                at=to_datetime(at),
                timezone=entry.definition.timezone,
            )
            for at, entry in islice(coming, limit)
        ]

    @router.get("/manager/occurrences/past", tags=["occurrences"])
    def list_past(
        request: Request,
        response: Response,
        task: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: Limit = 100,
        after: After = None,
    ) -> list[RunRead]:
        """List the outcome of past occurrences, including skipped and missed ones, newest first."""
        where = RunFilter(
            task_id=task,
            causes=OCCURRED,
            since=instant(manager, "since", since, task),
            until=instant(manager, "until", until, task),
        )
        page = manager.history.runs(where, limit=limit, after=after)
        link_next(request, response, page.next)
        return [RunRead.of(run) for run in page.runs]
