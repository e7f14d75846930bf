"""The screen Tasks: one row per task, filtered by the query of the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.task import Task, TaskStatus
from rota.core.time import Instant
from rota.diagnosis.attention import is_failing
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.task_rows import rows

TASKS_PER_PAGE = 25

KINDS: Mapping[str, Callable[[Task], bool]] = {
    "running": lambda task: task.status is TaskStatus.RUNNING,
    "broken": lambda task: task.status is TaskStatus.BROKEN,
    "failing": is_failing,
    "paused": lambda task: task.paused,
    "disabled": lambda task: task.status is TaskStatus.DISABLED,
    "unresolved": lambda task: task.status is TaskStatus.UNRESOLVED,
}
"""The values of `state` in the URL, with their filters."""


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""

    @router.get("/tasks")
    def show_tasks(
        request: Request,
        q: Annotated[str, Query(max_length=200)] = "",
        state: Annotated[str, Query(max_length=20)] = "",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        values = _values(layout.manager, layout.now(), q, state, page)
        return layout.show(request, "tasks.html", **values)


def _values(manager: TaskManager, now: Instant, text: str, state: str, page: int) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    every = manager.list_tasks()
    named = [task for task in every if _names(task, text)]
    kind = KINDS.get(state)
    tasks = named if kind is None else list(filter(kind, named))
    pages = max(1, -(-len(tasks) // TASKS_PER_PAGE))
    page = min(page, pages)
    first = (page - 1) * TASKS_PER_PAGE
    return {
        "now": now,
        "rows": rows(manager, tasks[first : first + TASKS_PER_PAGE], now),
        "text": text,
        "state": state if kind else "",
        "counts": {name: sum(map(is_one, named)) for name, is_one in KINDS.items()},
        "named_count": len(named),
        "task_count": len(every),
        "page": page,
        "pages": pages,
        "file_errors": list(manager.file_errors),
        "tasks_directory": manager.config.manager.tasks_directories[0],
    }


def _names(task: Task, text: str) -> bool:
    """Return whether each word of a text occurs in the task's names, function or description."""
    place = f"{task.name} {task.id} {task.func_path} {task.description}".lower()
    return all(word in place for word in text.lower().split())
