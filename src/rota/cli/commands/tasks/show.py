"""`rota show`: show the details of one task."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.ports.records import RunFilter
from rota.core.run import Run
from rota.core.task import Edit, Task
from rota.core.time import Instant, to_datetime
from rota.definitions.edits import in_place_of, made, moved
from rota.engine.planning.upcoming import upcoming
from rota.manager import TaskManager

_TIMES = 3
_RUNS = 5


def command(
    task: project.TaskArgument,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Show a task: its trigger, its next times, its options, its last runs."""
    with project.opened_manager(project.load(config)) as manager:
        tasks = {one.id: one for one in project.tasks(manager)}
        if task not in tasks:
            raise project.unknown_task(task, list(tasks))
        shown, times, runs = tasks[task], _times(manager, task), _runs(manager, task)
    if json:
        output.json_line(_json(shown, times, runs))
        return
    output.facts(_facts(shown, times))
    if runs:
        output.say()
        rows = [(run.id, _when(run), run.state.value, run.reason) for run in runs]
        output.table(("run", "time", "state", "reason"), rows)


def _times(manager: TaskManager, id: str) -> list[datetime]:
    entry = manager.services.engine.registry.get(id)
    if entry is None:
        return []
    found = islice(upcoming(entry, manager.services.clock.now()), _TIMES)
    return [to_datetime(instant) for instant in found]


def _runs(manager: TaskManager, id: str) -> list[Run]:
    if not project.has_ledger(manager.config):
        return []
    return manager.history.runs(RunFilter(task_id=id), limit=_RUNS).runs[::-1]


def _json(task: Task, times: Iterable[datetime], runs: Iterable[Run]) -> dict[str, Any]:
    values: dict[str, Any] = {
        key: formatting.iso(value) if isinstance(value, datetime) else value
        for key, value in asdict(task).items()
    }
    values["state"] = values.pop("status")
    for key in ("edits", "pauses"):
        values[key] = [{name: _plain(value) for name, value in one.items()} for one in values[key]]
    values["trigger_args"] = jsons.loads(jsons.dumps(values["trigger_args"], default=str))
    values["in_words"] = formatting.trigger(task)
    values["next_runs"] = [formatting.iso(when) for when in times]
    values["last_runs"] = [
        {
            "id": run.id,
            "state": run.state,
            "reason": run.reason,
            "reason_code": run.reason_code,
            "error_type": run.error_type,
        }
        for run in runs
    ]
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return formatting.iso(value)
    return jsons.loads(jsons.dumps(value, default=str))


def _facts(task: Task, times: list[datetime]) -> list[tuple[str, str]]:
    place = f"{task.file or ''}{f':{task.line}' if task.line else ''}"
    until = (
        f" until {time_text.clock(task.paused_until, task.timezone)}" if task.paused_until else ""
    )
    reason = f" ({task.pause_reason})" if task.pause_reason else ""
    return [
        ("id", task.id),
        ("name", task.name),
        ("broken", task.mistake),
        ("edited", "\n".join(map(_edit, task.edits))),
        ("description", task.description),
        ("tags", ", ".join(task.tags)),
        ("state", task.status.value + (f"{until}{reason}" if task.paused else "")),
        ("trigger", f"{task.trigger}: {formatting.trigger(task)}"),
        ("next runs", "\n".join(time_text.clock(when, task.timezone) for when in times)),
        ("last run", time_text.clock(task.last_run, task.timezone)),
        ("function", task.func_path),
        ("file", place),
        ("retries", str(task.max_retries)),
        ("timeout", time_text.duration(task.timeout)),
    ]


def _edit(edit: Edit) -> str:
    beneath = moved(edit)
    return f"{edit.key}: {in_place_of(edit)}{made(edit)}" + (
        f"; the code below it changed: {beneath}" if beneath else ""
    )


def _when(run: Run) -> str:
    instant: Instant = run.created_at if run.fire_time is None else run.fire_time
    return time_text.moment(instant)
