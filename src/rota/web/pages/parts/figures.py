"""What several screens show of tasks and runs, put together from manager and ledger."""

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

FAILING = frozenset({State.FAILED, State.LOST})


@dataclass(frozen=True, slots=True)
class Spread:
    """What lies in the middle of some spans, and what all but the largest twentieth stay below."""

    median: Instant
    p95: Instant


def is_failing(task: Task) -> bool:
    """Say whether the last run of a task went wrong."""
    return task.last_state in FAILING


# --- figures ---


def duration(run: Run, now: Instant) -> Instant | None:
    """Return how long a run took from its first attempt to its end, or until now; None while it
    waits."""
    end = now if run.state is State.RUNNING else run.finished_at
    return None if run.started_at is None or end is None else end - run.started_at


def lateness(run: Run) -> Instant | None:
    """Return how long after its time a run of the schedule started; None where it did not, or
    where that is not known any more.

    Its time is that of its occurrence and the start delay (`jitter`). After a retry the row says
    when that was due, and not the first attempt.
    """
    if run.fire_time is None or run.started_at is None or run.available_at > run.started_at:
        return None
    return run.started_at - max(run.available_at, run.fire_time)


def usual(runs: Sequence[Run]) -> Spread | None:
    """Return how long those of the runs took that went well."""
    good = [run for run in runs if run.state is State.SUCCEEDED]
    return spread([took for run in good if (took := duration(run, 0)) is not None])


def spread(spans: Sequence[Instant]) -> Spread | None:
    """Return median and 95th percentile, each one of the spans; None where there are none."""
    ranked = sorted(spans)
    if not ranked:
        return None
    last = len(ranked) - 1
    return Spread(ranked[last // 2], ranked[-(-last * 95 // 100)])


# --- words and names ---


def schedule(task: Task) -> str:
    """Say a task's trigger in words, with its zone where that matters."""
    try:
        return describe(task.trigger, task.trigger_args, timezone=task.timezone, task_id=task.id)
    except RotaError:
        return f"{task.trigger}, which this node cannot read"


def task_name(manager: TaskManager, task_id: str) -> str:
    """Return the name of a task, its id where it is known no more."""
    try:
        stored = manager.history.task(task_id)
    except UnknownTaskError:
        return task_id
    return stored.edits.name or stored.record.name


def place(manager: TaskManager, file: str) -> str:
    """Return a file's path as it is within the project, where it is there."""
    path = Path(file)
    project = manager.services.project
    return str(path.relative_to(project)) if path.is_relative_to(project) else file


def node_names(manager: TaskManager) -> Mapping[str, str]:
    """Return the name of each node by its id."""
    return {node.id: node.name for node in manager.history.nodes()}
