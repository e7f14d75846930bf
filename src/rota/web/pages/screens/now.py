"""The screen Now: what needs attention, running runs, coming runs and recent runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.run import Run
from rota.core.task import Task
from rota.core.time import DAY, HOUR, Instant, from_datetime
from rota.diagnosis.attention import concerns, is_failing, late_runs
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.figures import node_names, usual
from rota.web.pages.parts.log_tails import Tails
from rota.web.pages.parts.parameters import asks
from rota.web.pages.parts.run_strip import STRIP

MOST_CONCERNS = 8
MOST_COMING = 9
MOST_RUNNING = 20
MOST_WAITING = 1_000
"""The most waiting runs that are read: the next ones."""
RECENT = 12


@dataclass(frozen=True, slots=True)
class Coming:
    """A run that is about to start."""

    task_id: str
    name: str
    at: Instant
    run: Run | None = None  # the waiting run, if it exists: a retry, or a queued run


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""
    tails = Tails()

    @router.get("/")
    def show_now(request: Request) -> Response:
        return layout.show(request, "now.html", **_values(layout.manager, tails, layout.now()))


def _values(manager: TaskManager, tails: Tails, now: Instant) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    tasks, history = manager.list_tasks(), manager.history
    names = {task.id: task.name for task in tasks}
    running, waiting = history.running(), history.waiting(MOST_WAITING)
    shown = running[:MOST_RUNNING]
    before = history.recent_runs({run.task_id for run in shown}, STRIP)
    found = concerns(history, tasks, waiting, now)
    coming = _coming(tasks, names, waiting, now)
    return {
        "now": now,
        "file_errors": list(manager.file_errors),
        "tasks_directory": manager.config.manager.tasks_directories[0],
        "task_count": len(tasks),
        "names": names,
        "nodes": node_names(manager),
        "running": shown,
        "running_count": len(running),
        "usual": {id: usual(runs) for id, runs in before.items()},
        "tails": tails.of(history, [run.id for run in shown]),
        "late_count": len(late_runs(waiting, now)),
        "failing_count": sum(map(is_failing, tasks)),
        "paused_count": sum(task.paused for task in tasks),
        "concerns": found[:MOST_CONCERNS],
        "asks": partial(asks, manager),
        "concern_count": len(found),
        "coming": coming[:MOST_COMING],
        "coming_count": len(coming),
        "within_hour": sum(one.at <= now + HOUR for one in coming),
        "hour": now + HOUR,
        "recent": history.runs(limit=RECENT).runs,
    }


def _coming(
    tasks: Sequence[Task], names: Mapping[str, str], waiting: Sequence[Run], now: Instant
) -> list[Coming]:
    """Return the runs that start within 24 hours, one coming per task, the nearest first."""
    end = now + DAY
    coming = [
        Coming(run.task_id, names.get(run.task_id, run.task_id), run.available_at, run)
        for run in waiting
        if run.available_at <= end
    ]
    for task in tasks:
        at = None if task.next_run is None else from_datetime(task.next_run)
        if at is not None and at <= end:
            coming.append(Coming(task.id, task.name, at))
    return sorted(coming, key=lambda one: (one.at, one.task_id))
