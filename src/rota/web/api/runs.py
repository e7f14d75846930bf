"""Runs over REST: list, get, logs, cancel."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rota.core.instants import Instant, from_datetime
from rota.core.ports import RunFilter
from rota.core.run import State
from rota.manager import TaskManager
from rota.web.api.models import CancelRequest, LogRead, Moment, RunDetail, RunRead
from rota.web.problems import Problem


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    @router.get("/manager/runs", tags=["runs"])
    def list_runs(
        request: Request,
        response: Response,
        task: str | None = None,
        state: Annotated[list[State] | None, Query()] = None,
        since: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        after: Annotated[str | None, Query(max_length=100)] = None,
    ) -> list[RunRead]:
        """List runs, newest first; a header `Link: <…>; rel="next"` names the next page."""
        where = RunFilter(task_id=task, states=state, since=_instant(since))
        page = manager.history.runs(where, limit=limit, after=after)
        if page.next is not None:
            query = request.url.include_query_params(after=page.next).query
            response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
        return [RunRead.of(run) for run in page.runs]

    @router.get("/manager/runs/{id}", tags=["runs"])
    def get_run(id: str) -> RunDetail:
        """Return one run; the first or last six characters of its id are enough."""
        return _detail(manager, id)

    @router.get("/manager/runs/{id}/logs", tags=["runs"])
    def get_logs(
        id: str,
        after: Annotated[str, Query(description="The last line known: attempt.seq")] = "0.0",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[LogRead]:
        """Return what a run logged and printed, in order; ask again after the last line."""
        run = manager.get_run(id)
        lines = manager.history.logs(run.id, after=line_cursor(after), limit=limit)
        return [LogRead.of(line) for line in lines]

    @router.post("/manager/runs/{id}/cancel", tags=["runs"])
    def cancel_run(id: str, why: CancelRequest | None = None) -> RunDetail:
        """Cancel a waiting run at once, or have a running one cancelled."""
        manager.cancel_run(id, reason=(why or CancelRequest()).reason)
        return _detail(manager, id)


def line_cursor(text: str) -> tuple[int, int]:
    """Read "attempt.seq"; raises Problem for anything else."""
    found = re.fullmatch(r"(\d{1,9})\.(\d{1,15})", text, re.ASCII)
    if found is None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"after: {text[:100]!r} is no place in a log.",
            kind="invalid",
            remedy="Write attempt and seq of the last line you have, like 1.20.",
        )
    return int(found[1]), int(found[2])


def _detail(manager: TaskManager, id: str) -> RunDetail:
    run = manager.get_run(id)
    history = manager.history
    return RunDetail.whole(run, history.attempts(run.id), history.steps(run.id))


def _instant(moment: Moment | None) -> Instant | None:
    return None if moment is None else from_datetime(moment)
