"""The screen Tasks: one line each, filtered by what stands in the address."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.manager import TaskManager
from rota.web.pages.frame import Frame
from rota.web.pages.shown import row

TASKS_PER_PAGE = 50


def add(router: APIRouter, frame: Frame) -> None:
    """Add the screen."""

    @router.get("/tasks")
    def show_tasks(
        request: Request, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1
    ) -> Response:
        return frame.show(request, "tasks.html", **_values(frame.manager, page))


def _values(manager: TaskManager, page: int) -> dict[str, Any]:
    """Return what the template shows; raises LedgerError."""
    tasks = manager.list_tasks()
    pages = max(1, -(-len(tasks) // TASKS_PER_PAGE))
    page = min(max(page, 1), pages)
    first = (page - 1) * TASKS_PER_PAGE
    return {
        "rows": [row(manager, task) for task in tasks[first : first + TASKS_PER_PAGE]],
        "task_count": len(tasks),
        "page": page,
        "pages": pages,
        "file_errors": list(manager.file_errors),
    }
