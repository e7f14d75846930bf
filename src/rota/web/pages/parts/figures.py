"""Figures and names of tasks and runs that several screens show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rota.core.run import Run, State
from rota.core.task import Task
from rota.core.time import Instant
from rota.errors import RotaError, UnknownTaskError
from rota.manager import TaskManager
from rota.triggers import describe


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 95th percentile of some durations."""

    median: Instant
    p95: Instant


# --- figures ---


def duration(run: Run, now: Instant) -> Instant | None:
    """Return the time of a run from its first attempt to its end, or until now.

    Returns None while it waits.
    """
    end = now if run.state is State.RUNNING else run.finished_at
    return None if run.started_at is None or end is None else end - run.started_at


def lateness(run: Run) -> Instant | None:
    """Return how long after its time a scheduled run started.

    Returns None if it did not start, or if the delay is no longer known. Its time is that of its
    occurrence plus the start delay (`jitter`). After a retry, the row has the time at which the
    retry was due, not that of the first attempt.
    """
    if run.fire_time is None or run.started_at is None or run.available_at > run.started_at:
        return None
    if run.replay is not None:
        return None
    return run.started_at - max(run.available_at, run.fire_time)


def usual(runs: Sequence[Run]) -> Spread | None:
    """Return how long the successful ones of the runs took."""
    good = [run for run in runs if run.state is State.SUCCEEDED]
    return spread([took for run in good if (took := duration(run, 0)) is not None])


def spread(spans: Sequence[Instant]) -> Spread | None:
    """Return the median and the 95th percentile, each one of the spans; None without spans."""
    ranked = sorted(spans)
    if not ranked:
        return None
    last = len(ranked) - 1
    return Spread(ranked[last // 2], ranked[-(-last * 95 // 100)])


# --- words and names ---


def schedule(task: Task) -> str:
    """Return a description of a task's trigger, with its time zone if that matters."""
    try:
        return describe(task.trigger, task.trigger_args, timezone=task.timezone, task_id=task.id)
    except RotaError:
        return f"{task.trigger}, which this node cannot read"


def task_name(manager: TaskManager, task_id: str) -> str:
    """Return the name of a task, or its id if the task is no longer known."""
    try:
        stored = manager.history.task(task_id)
    except UnknownTaskError:
        return task_id
    return stored.edits.name or stored.record.name


def place(manager: TaskManager, file: str) -> str:
    """Return the path of a file, relative to the project if it is inside of it."""
    path = Path(file)
    project = manager.services.project
    return str(path.relative_to(project)) if path.is_relative_to(project) else file


def node_names(manager: TaskManager) -> Mapping[str, str]:
    """Return the names of the nodes by their ids."""
    return {node.id: node.name for node in manager.history.nodes()}
