"""A task as a row of a table: its schedule, its strip, its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rota.core.run import Run
from rota.core.task import Task
from rota.core.time import Instant, from_datetime
from rota.diagnosis.attention import is_failing
from rota.manager import TaskManager
from rota.web.pages.parts.figures import Spread, lateness, schedule, spread, usual
from rota.web.pages.parts.parameters import asks
from rota.web.pages.parts.run_strip import STRIP, Strip, strip


@dataclass(frozen=True, slots=True)
class TaskRow:
    """The values of a row."""

    task: Task
    schedule: str
    failing: bool
    next_run: Instant | None
    last_run: Instant | None
    strip: Strip
    took: Spread | None
    late: Spread | None
    asks: bool  # whether it has parameters to fill in before a manual start


def rows(manager: TaskManager, tasks: Sequence[Task], now: Instant) -> list[TaskRow]:
    """Return the rows of some tasks, with one query for all; raises LedgerError."""
    recent = manager.history.recent_runs([task.id for task in tasks], STRIP)
    return [_row(manager, task, recent.get(task.id, []), now) for task in tasks]


def _row(manager: TaskManager, task: Task, runs: Sequence[Run], now: Instant) -> TaskRow:
    return TaskRow(
        task=task,
        schedule=schedule(task),
        failing=is_failing(task),
        next_run=None if task.next_run is None else from_datetime(task.next_run),
        last_run=None if task.last_run is None else from_datetime(task.last_run),
        strip=strip(runs, now),
        took=usual(runs),
        late=spread([late for run in runs if (late := lateness(run)) is not None]),
        asks=asks(manager, task.id),
    )
