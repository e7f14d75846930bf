"""The screen Now: what runs, what is due, what has just been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.instants import DAY, HOUR, Instant, from_datetime
from rota.core.ports import RunFilter
from rota.core.run import WAITING, Run, State
from rota.core.task import Task
from rota.manager import TaskManager
from rota.web.pages.frame import Frame
from rota.web.pages.shown import node_names
from rota.web.pages.tails import Tails

MOST_DUE = 12
MOST_RUNNING = 50
MOST_WAITING = 50
RECENT = 15
COUNTED = 99

_TROUBLED = frozenset({State.FAILED, State.LOST, State.MISSED})


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is about to start."""

    task_id: str
    name: str
    at: Instant
    run: Run | None = None  # one that already waits: for a retry or for its turn


def add(router: APIRouter, frame: Frame) -> None:
    """Add the screen."""
    tails = Tails()

    @router.get("/")
    def show_now(request: Request) -> Response:
        return frame.show(request, "now.html", **_values(frame.manager, tails))


def _values(manager: TaskManager, tails: Tails) -> dict[str, Any]:
    """Return what the template shows; raises LedgerError."""
    tasks = manager.list_tasks()
    history, now = manager.history, manager.services.clock.now()
    active = history.active()
    running = [run for run in active if run.state is State.RUNNING]
    waiting = [run for run in active if run.state in WAITING]
    troubled = RunFilter(states=_TROUBLED, since=now - DAY)
    due = _due(tasks, waiting, now)
    return {
        "now": now,
        "file_errors": list(manager.file_errors),
        "names": {task.id: task.name for task in tasks},
        "nodes": node_names(manager),
        "running": running[:MOST_RUNNING],
        "running_count": len(running),
        "waiting_count": len(waiting),
        "tails": tails.of(history, [run.id for run in running[:MOST_RUNNING]]),
        "due": due[:MOST_DUE],
        "due_count": len(due),
        "troubled_count": len(history.runs(troubled, limit=COUNTED + 1).runs),
        "task_count": len(tasks),
        "recent": history.runs(limit=RECENT).runs,
        "tasks_directory": manager.config.manager.tasks_directory,
    }


def _due(tasks: Sequence[Task], waiting: Sequence[Run], now: Instant) -> list[Due]:
    """Return what starts within the hour, the next first."""
    names = {task.id: task.name for task in tasks}
    due = [
        Due(run.task_id, names.get(run.task_id, run.task_id), run.available_at, run)
        for run in waiting
        if run.available_at <= now + HOUR
    ]
    for task in tasks:
        at = None if task.next_run is None else from_datetime(task.next_run)
        if at is not None and at <= now + HOUR:
            due.append(Due(task.id, task.name, at))
    return sorted(due, key=lambda one: (one.at, one.task_id))
