"""Runs over REST: list, get, cancel, retry."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from rota.core.audit import AuditFilter
from rota.core.ports.records import RunFilter
from rota.core.run import Cause, State
from rota.manager import TaskManager
from rota.web.api.models import (
    CancelRequest,
    Moment,
    ReasonRequest,
    RunDetail,
    RunRead,
    instant,
)
from rota.web.api.paging import After, Limit, link_next
from rota.web.rate_limit import ManualRunLimiter

CHANGES = 20
"""The most changes in the answer for a run; `/manager/audit` has all."""

OF_RUN = "One of the tags that the run was enqueued with."


class RetryRequest(ReasonRequest):
    """The body of a retry."""

    downstream: bool = Field(
        False, description="Whether the end of the new run starts the tasks after it again."
    )


def add(router: APIRouter, manager: TaskManager, rate: ManualRunLimiter) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    @router.get("/manager/runs", tags=["runs"])
    def list_runs(
        request: Request,
        response: Response,
        task: str | None = None,
        state: Annotated[list[State] | None, Query()] = None,
        cause: Annotated[list[Cause] | None, Query()] = None,
        since: Moment | None = None,
        until: Moment | None = None,
        tag: Annotated[str | None, Query(max_length=200, description=OF_RUN)] = None,
        order: Literal["newest", "oldest"] = "newest",
        limit: Limit = 100,
        after: After = None,
    ) -> list[RunRead]:
        """List runs in the order of their creation; the header `Link` names the next page."""
        where = RunFilter(
            task_id=task,
            states=state,
            causes=cause,
            since=instant(manager, "since", since, task),
            until=instant(manager, "until", until, task),
            tag=tag,
        )
        page = manager.history.runs(where, limit=limit, after=after, newest_first=order == "newest")
        link_next(request, response, page.next)
        return [RunRead.of(run) for run in page.runs]

    @router.get("/manager/runs/{id}", tags=["runs"])
    def get_run(id: str) -> RunDetail:
        """Return one run; the first or last six characters of its id are enough."""
        return detail(manager, id)

    @router.post("/manager/runs/{id}/cancel", tags=["runs"])
    def cancel_run(id: str, why: CancelRequest | None = None) -> RunDetail:
        """Cancel a waiting run at once, or request the cancellation of a running one."""
        manager.cancel_run(id, reason=(why or CancelRequest()).reason)
        return detail(manager, id)

    @router.post("/manager/runs/{id}/retry", status_code=HTTPStatus.ACCEPTED, tags=["runs"])
    def retry_run(
        request: Request, response: Response, id: str, how: RetryRequest | None = None
    ) -> RunDetail:
        """Retry a run that ended without success; returns the new run."""
        how = how or RetryRequest()
        rate.spend(manager.get_run(id).task_id)
        run_id = manager.retry_run(id, reason=how.reason, downstream=how.downstream)
        base = request.scope.get("root_path", "")
        response.headers["Location"] = f"{base}/manager/runs/{run_id}"
        return detail(manager, run_id)


def detail(manager: TaskManager, id: str) -> RunDetail:
    """Return a run with all its details; raises UnknownRunError."""
    run, history = manager.get_run(id), manager.history
    return RunDetail.whole(
        run,
        attempts=history.attempts(run.id),
        steps=history.steps(run.id),
        changes=history.audit(AuditFilter(run_id=run.id), limit=CHANGES).changes,
    )
