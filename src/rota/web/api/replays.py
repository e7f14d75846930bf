"""Replays over REST: backfill a task, rerun a run."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from rota.core.run import State
from rota.manager import TaskManager
from rota.manager.replays import MOST_REPLAYED, USUAL_LIMIT, BackfillPlan, PastOccurrence
from rota.web.api.models import Moment, ReasonRequest, RunDetail
from rota.web.api.paging import Id, address
from rota.web.api.runs import detail
from rota.web.rate_limit import ManualRunLimiter


class BackfillRequest(ReasonRequest):
    """The range of a backfill, and how it runs."""

    since: Moment = Field(description="The first time of the range.")
    until: Moment | None = Field(None, description="Its end, exclusive; null: now.")
    limit: Annotated[int, Field(ge=1, le=MOST_REPLAYED, strict=True)] = Field(
        USUAL_LIMIT, description="A range with more occurrences is a 409; nothing is run."
    )
    parallel: Annotated[int, Field(ge=1, le=MOST_REPLAYED, strict=True)] = Field(
        1, description='So many at once; more than 1 needs overlap="allow".'
    )
    missing: bool = Field(False, description="Leave out occurrences with a successful run.")
    force: bool = Field(False, description="Also while the task is paused.")
    dry_run: bool = Field(False, description="Only list what would be run.")


class PastOccurrenceRead(BaseModel):
    """A past occurrence, and what is on record of it."""

    fire_time: datetime
    run_id: str | None = Field(description="Its last successful run, else its first one.")
    state: State | None = Field(description="The state of that run.")
    replays: int = Field(description="How often it was done again.")
    active: str | None = Field(description="A run of it that has not ended: it is left out.")

    @classmethod
    def of(cls, one: PastOccurrence) -> PastOccurrenceRead:
        """Return the model of a past occurrence."""
        run, active = one.run, one.active
        return cls(
            fire_time=one.fire_time,
            run_id=run.id if run else None,
            state=run.state if run else None,
            replays=one.replays,
            active=active.id if active else None,
        )


class BackfillRead(BaseModel):
    """A backfill: its occurrences as they were before, and the runs that it made."""

    occurrences: list[PastOccurrenceRead]
    more: bool = Field(description="Whether the range has more than the limit.")
    runs: list[str] = Field(description="The ids of the new runs, the oldest occurrence first.")

    @classmethod
    def of(cls, plan: BackfillPlan, runs: list[str]) -> BackfillRead:
        """Return the model of a backfill."""
        found = [PastOccurrenceRead.of(one) for one in plan.occurrences]
        return cls(occurrences=found, more=plan.more, runs=runs)


class RerunRequest(ReasonRequest):
    """Why a run is done again, and whether the tasks after it follow."""

    downstream: bool = Field(False, description="Whether its end starts the tasks after it.")


def add(router: APIRouter, manager: TaskManager, rate: ManualRunLimiter) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    @router.post("/manager/tasks/{id:path}/backfill", tags=["tasks"])
    def backfill(response: Response, id: Id, how: BackfillRequest) -> BackfillRead:
        """Run past occurrences of a task, each with its own fire time, oldest first."""
        plan = manager.plan_backfill(id, how.since, how.until, limit=how.limit, missing=how.missing)
        if how.dry_run:
            return BackfillRead.of(plan, [])
        rate.spend(id)
        runs = manager.carry_out_backfill(
            id, plan, limit=how.limit, parallel=how.parallel, force=how.force, reason=how.reason
        )
        response.status_code = HTTPStatus.ACCEPTED
        return BackfillRead.of(plan, runs)

    @router.post("/manager/runs/{id}/rerun", status_code=HTTPStatus.ACCEPTED, tags=["runs"])
    def rerun(
        request: Request, response: Response, id: str, how: RerunRequest | None = None
    ) -> RunDetail:
        """Do the occurrence of a run again, with its fire time; returns the new run."""
        rate.spend(manager.get_run(id).task_id)
        how = how or RerunRequest()
        run_id = manager.rerun(id, reason=how.reason, downstream=how.downstream)
        response.headers["Location"] = address(request, "runs", run_id)
        return detail(manager, run_id)
