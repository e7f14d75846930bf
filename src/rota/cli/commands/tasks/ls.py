"""`rota ls`: list the tasks, one per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.task import Task
from rota.core.time import from_datetime
from rota.discovery.finder import shown


def command(
    tag: project.TagOption = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """List every task: those of the task files, and those that only the ledger knows."""
    with project.opened_manager(project.load(config)) as manager:
        tasks = [one for one in project.tasks(manager) if tag is None or tag in one.tags]
        now, home = manager.services.clock.now(), manager.services.project
    if json:
        output.json_lines(map(_json, tasks))
    elif tasks:
        columns = ("id", "state", "next run", "last run", "trigger", "file")
        output.table(columns, [_row(task, now, home) for task in tasks])
    else:
        output.note("No tasks yet: `rota init` creates a first one.")


def _json(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "name": task.name,
        "state": task.status.value,
        "next_run": formatting.iso(task.next_run),
        "last_run": formatting.iso(task.last_run),
        "trigger": task.trigger,
        "enabled": task.enabled,
        "paused": task.paused,
        "file": task.file,
    }


def _row(task: Task, now: int, home: Path) -> tuple[str, ...]:
    file = shown(Path(task.file), home) if task.file else ""
    return (
        task.id,
        task.status.value,
        _next(task, now),
        _last(task, now),
        formatting.trigger(task) + (" (edited)" if task.edits else ""),
        f"{file}{f':{task.line}' if task.line else ''}",
    )


def _next(task: Task, now: int) -> str:
    if task.next_run is None:
        return "-"
    distance = time_text.away(from_datetime(task.next_run), now)
    return f"{time_text.clock(task.next_run, task.timezone)} ({distance})"


def _last(task: Task, now: int) -> str:
    if task.last_run is None:
        return "-"
    return f"{time_text.away(from_datetime(task.last_run), now)}, {task.last_state}"
