"""The screen Tasks: one row per task, filtered by the query of the URL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.pauses import tag_of
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
        tag: Annotated[str, Query(max_length=200)] = "",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        values = _values(layout.manager, layout.now(), TaskSelection(q, state, tag), page)
        return layout.show(request, "tasks.html", **values)


class TaskSelection(NamedTuple):
    """Which tasks a page shows, as its address says."""

    text: str = ""
    state: str = ""
    tag: str = ""

    def named(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks whose names and tags fit, in any state."""
        tagged = (task for task in tasks if not self.tag or self.tag in task.tags)
        return [task for task in tagged if _names(task, self.text)]

    def of(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks that fit."""
        kind = KINDS.get(self.state)
        return [task for task in self.named(tasks) if kind is None or kind(task)]


def _values(manager: TaskManager, now: Instant, shown: TaskSelection, page: int) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    every = manager.list_tasks()
    named, tasks = shown.named(every), shown.of(every)
    pages = max(1, -(-len(tasks) // TASKS_PER_PAGE))
    page = min(page, pages)
    first = (page - 1) * TASKS_PER_PAGE
    return {
        "now": now,
        "rows": rows(manager, tasks[first : first + TASKS_PER_PAGE], now),
        "text": shown.text,
        "state": shown.state if shown.state in KINDS else "",
        "tag": shown.tag,
        "is_tag_paused": any(tag_of(one.held) == shown.tag for one in manager.list_pauses()),
        "tags": sorted({tag for task in every for tag in task.tags}),
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
