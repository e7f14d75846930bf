"""What each task did on one day, counted while streaming through the history."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.time import SECOND, from_datetime

PAGE = 1000
MOST_REASONS = 20
"""Different reasons that are kept apart for one task; more are counted together."""

OTHER_REASONS = "(other reasons)"


class Spread:
    """Counts values at three significant digits: a report shows no more, a million need no more."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[float(f"{value:.2e}")] += 1

    def quantile(self, share: float) -> float | None:
        """Return the value below which `share` of all lie, interpolated; None without any."""
        last = self._counts.total() - 1
        if last < 0:
            return None
        place = share * last
        low, high = self._at(math.floor(place)), self._at(math.ceil(place))
        return low + (high - low) * (place - math.floor(place))

    def _at(self, index: int) -> float:
        for value in sorted(self._counts):
            index -= self._counts[value]
            if index < 0:
                return value
        raise IndexError(index)


@dataclass(slots=True)
class TaskFigures:
    """What one task did; durations and lateness in seconds."""

    id: str
    name: str
    states: Counter[State] = field(default_factory=Counter)
    duration: Spread = field(default_factory=Spread)
    lateness: Spread = field(default_factory=Spread)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def runs(self) -> int:
        """How many runs there were beside those that never came to start."""
        return self.states.total() - self.skipped - self.missed

    @property
    def failed(self) -> int:
        """How many runs failed or were lost."""
        return self.states[State.FAILED] + self.states[State.LOST]

    @property
    def skipped(self) -> int:
        """How many occurrences were skipped."""
        return self.states[State.SKIPPED]

    @property
    def missed(self) -> int:
        """How many occurrences were missed."""
        return self.states[State.MISSED]

    @property
    def success_rate(self) -> float | None:
        """Share of successes among the runs that succeeded, failed or were lost."""
        succeeded = self.states[State.SUCCEEDED]
        ended = succeeded + self.failed
        return succeeded / ended if ended else None

    def count(self, run: Run) -> None:
        """Take one run into the figures."""
        self.states[run.state] += run.count
        if run.started_at is not None:
            if run.finished_at is not None:
                self.duration.add((run.finished_at - run.started_at) / SECOND)
            if run.fire_time is not None:
                self.lateness.add((run.started_at - run.fire_time) / SECOND)
        if run.state in (State.FAILED, State.LOST):
            known = run.reason in self.reasons or len(self.reasons) < MOST_REASONS
            self.reasons[run.reason if known else OTHER_REASONS] += 1


async def collect(history: History, day: date, names: Mapping[str, str]) -> list[TaskFigures]:
    """Count the runs of one day (UTC) for each task in `names` (id → name) and every other that
    ran; raises LedgerError."""
    tasks = {id: TaskFigures(id, name) for id, name in names.items()}
    async for run in _runs(history, day):
        if run.task_id not in tasks:
            tasks[run.task_id] = TaskFigures(run.task_id, run.task_id)
        tasks[run.task_id].count(run)
    return [tasks[id] for id in sorted(tasks)]


async def _runs(history: History, day: date) -> AsyncIterator[Run]:
    """Yield the runs of a day, a page at a time: a thread reads, the event loop stays free."""
    start = datetime.combine(day, time(), UTC)
    where = RunFilter(
        since=from_datetime(start),
        until=from_datetime(start + timedelta(days=1)),
    )
    after: str | None = None
    while True:
        page = await asyncio.to_thread(history.runs, where, limit=PAGE, after=after)
        for run in page.runs:
            yield run
        after = page.next
        if after is None:
            return
