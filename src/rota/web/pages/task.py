"""The screen of one task: its rules, its times, its runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.ports import RunFilter
from rota.manager import TaskManager
from rota.web.api.tasks import existing
from rota.web.pages.frame import Frame
from rota.web.pages.shown import node_names, row, upcoming

RUNS_PER_PAGE = 30
UPCOMING = 10


def add(router: APIRouter, frame: Frame) -> None:
    """Add the screen."""

    @router.get("/tasks/{id:path}")
    def show_task(
        request: Request, id: str, after: Annotated[str | None, Query(max_length=100)] = None
    ) -> Response:
        return frame.show(request, "task.html", about=id, **_values(frame.manager, id, after))


def _values(manager: TaskManager, id: str, after: str | None) -> dict[str, Any]:
    """Return what the template shows; raises UnknownTaskError, LedgerError."""
    task = existing(manager, id)
    now = manager.services.clock.now()
    entry = manager.services.engine.registry.get(id)
    stored = manager.history.task(id)
    page = manager.history.runs(RunFilter(task_id=id), limit=RUNS_PER_PAGE, after=after)
    policy = entry.policy if entry else stored.record.policy
    return {
        "now": now,
        "row": row(manager, task, now),
        "policy": asdict(policy),
        "executor": stored.record.executor,
        "upcoming": upcoming(entry, now, UPCOMING),
        "runs": page.runs,
        "older": page.next,
        "newest": after is None,
        "nodes": node_names(manager),
    }
