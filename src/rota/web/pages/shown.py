"""What several screens show of tasks and runs, put together from manager and ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rota.core.instants import Instant, from_datetime
from rota.core.ports import RunFilter
from rota.core.run import Run, State
from rota.core.task import Task
from rota.engine.registry import Entry
from rota.errors import RotaError, UnknownTaskError
from rota.manager import TaskManager
from rota.triggers import describe

STRIP = 60
"""How many runs the strip of a task shows, and its figures are taken from."""

TALLEST = 22
SHORTEST = 5
FAILING = frozenset({State.FAILED, State.LOST})


@dataclass(frozen=True, slots=True)
class Spread:
    """What lies in the middle of some spans, and what all but the largest twentieth stay below."""

    median: Instant
    p95: Instant


@dataclass(frozen=True, slots=True)
class Cell:
    """A run in a strip: its place from the left, and how high it stands for its duration."""

    place: int
    run: Run
    height: int


@dataclass(frozen=True, slots=True)
class Strip:
    """The last runs of a task, oldest first, the newest at the right end."""

    cells: Sequence[Cell]
    empty: range  # places on the left that no run fills yet

    @property
    def summary(self) -> str:
        """Say the same in words."""
        counts = Counter(cell.run.state.value for cell in self.cells)
        told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
        return f"Last {len(self.cells)} runs: {told}" if told else "No runs yet"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as a line of the table."""

    task: Task
    schedule: str
    failing: bool
    next_run: Instant | None
    last_run: Instant | None
    strip: Strip
    took: Spread | None
    late: Spread | None


def row(manager: TaskManager, task: Task, now: Instant) -> TaskRow:
    """Put a line together, with one query for its strip and its figures."""
    runs = recent(manager, task.id)
    return TaskRow(
        task=task,
        schedule=schedule(task),
        failing=is_failing(task),
        next_run=None if task.next_run is None else from_datetime(task.next_run),
        last_run=None if task.last_run is None else from_datetime(task.last_run),
        strip=strip(runs, now),
        took=usual(runs),
        late=spread([late for run in runs if (late := lateness(run)) is not None]),
    )


def recent(manager: TaskManager, task_id: str) -> list[Run]:
    """Return the runs that a strip shows, newest first."""
    return manager.history.runs(RunFilter(task_id=task_id), limit=STRIP).runs


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
    """Return how long after its time a run of the schedule started; None where it did not."""
    if run.fire_time is None or run.started_at is None:
        return None
    return max(run.started_at - run.fire_time, 0)


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


def strip(newest_first: Sequence[Run], now: Instant) -> Strip:
    """Lay out the last runs; heights compare durations with the longest among them."""
    shown = newest_first[:STRIP][::-1]
    spans = [duration(run, now) or 0 for run in shown]
    longest = max(spans, default=0) or 1
    free = STRIP - len(shown)
    cells = [
        Cell(place, run, SHORTEST + round((TALLEST - SHORTEST) * span / longest))
        for place, (run, span) in enumerate(zip(shown, spans, strict=True), start=free)
    ]
    return Strip(cells, range(free))


# --- words and names ---


def schedule(task: Task) -> str:
    """Say a task's trigger in words, with its zone where that matters."""
    try:
        return describe(task.trigger, task.trigger_args, timezone=task.timezone)
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


def upcoming(entry: Entry | None, now: Instant, count: int) -> list[Instant]:
    """Return the next instants at which a task will be planned."""
    found: list[Instant] = []
    instant = entry.next_run(now) if entry else None
    while entry is not None and instant is not None and len(found) < count:
        found.append(instant)
        instant = entry.trigger.next_after(instant)
    return found
