"""The screen of one run: its attempts, its log, its result."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.run import ACTIVE
from rota.manager import TaskManager
from rota.web.pages.frame import Frame
from rota.web.pages.shown import duration, node_names, task_name

LINES = 1_000
"""Lines of a log that the page shows; the API gives the others."""
_MOST_READ = 10_000


def add(router: APIRouter, frame: Frame) -> None:
    """Add the screen."""

    @router.get("/runs/{id}")
    def show_run(request: Request, id: str) -> Response:
        run = frame.manager.get_run(id)
        return frame.show(request, "run.html", about=run.id, **_values(frame.manager, run.id))


def _values(manager: TaskManager, id: str) -> dict[str, Any]:
    """Return what the template shows; raises UnknownRunError, LedgerError."""
    run = manager.get_run(id)
    now = manager.services.clock.now()
    lines = manager.history.logs(run.id, limit=_MOST_READ)
    return {
        "now": now,
        "run": run,
        "name": task_name(manager, run.task_id),
        "active": run.state in ACTIVE,
        "duration": duration(run, now),
        "attempts": manager.history.attempts(run.id),
        "lines": lines[-LINES:],
        "omitted": max(0, len(lines) - LINES),
        "after": f"{lines[-1].attempt}.{lines[-1].seq}" if lines else "0.0",
        "nodes": node_names(manager),
    }

