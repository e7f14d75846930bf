"""What the pages show of tasks and runs, put together from manager and ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rota.core.instants import Instant, from_datetime
from rota.core.ports import RunFilter
from rota.core.run import Run, State
from rota.core.task import Task
from rota.engine.registry import Entry
from rota.errors import RotaError
from rota.manager import TaskManager
from rota.triggers import describe

STRIP = 30
"""How many runs the strip of a task shows."""


@dataclass(frozen=True, slots=True)
class Strip:
    """The last runs of a task, oldest first, each at its place from the left."""

    runs: Sequence[tuple[int, Run]]
    empty: range  # places on the left that no run fills yet

    @property
    def summary(self) -> str:
        """Say the same in words."""
        counts = Counter(run.state.value for _, run in self.runs)
        told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
        return f"Last {len(self.runs)} runs: {told}" if told else "No runs yet"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as a line of the table."""

    task: Task
    schedule: str
    next_run: Instant | None
    last_run: Instant | None
    strip: Strip


def row(manager: TaskManager, task: Task) -> TaskRow:
    """Put a line together, with one query for its strip."""
    runs = manager.history.runs(RunFilter(task_id=task.id), limit=STRIP).runs
    return TaskRow(
        task=task,
        schedule=schedule(task),
        next_run=None if task.next_run is None else from_datetime(task.next_run),
        last_run=None if task.last_run is None else from_datetime(task.last_run),
        strip=strip(runs),
    )


def strip(newest_first: Sequence[Run]) -> Strip:
    """Lay out the last runs, the newest at the right end."""
    shown = newest_first[:STRIP][::-1]
    free = STRIP - len(shown)
    return Strip(list(enumerate(shown, start=free)), range(free))


def schedule(task: Task) -> str:
    """Say a task's trigger in words, with its zone where that matters."""
    try:
        return describe(task.trigger, task.trigger_args, timezone=task.timezone)
    except RotaError:
        return f"{task.trigger}, which this node cannot read"


def upcoming(entry: Entry | None, now: Instant, count: int) -> list[Instant]:
    """Return the next instants at which a task will be planned."""
    found: list[Instant] = []
    instant = entry.next_run(now) if entry else None
    while entry is not None and instant is not None and len(found) < count:
        found.append(instant)
        instant = entry.trigger.next_after(instant)
    return found


def duration(run: Run, now: Instant) -> Instant | None:
    """Return how long a run took from its first attempt to its end, or until now; None while it
    waits."""
    end = now if run.state is State.RUNNING else run.finished_at
    return None if run.started_at is None or end is None else end - run.started_at


def node_names(manager: TaskManager) -> Mapping[str, str]:
    """Return the name of each node by its id."""
    return {node.id: node.name for node in manager.history.nodes()}
