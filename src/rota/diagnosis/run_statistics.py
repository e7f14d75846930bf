"""The runs of the last day, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import Instant
from rota.diagnosis import thresholds

_VARYING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9A-HJKMNP-TV-Z]{26}\b|\b\d+\b")


UNRUN = frozenset({State.SKIPPED, State.MISSED, State.LOST})
"""The states of runs that did not happen."""


class Unrun(NamedTuple):
    """Runs of a task that did not happen, all for the same reason."""

    task_id: str
    state: State
    code: ReasonCode | None
    pattern: str  # of their reasons


@dataclass(slots=True)
class Record:
    """What the runs of a day amount to."""

    runs: int = 0
    occurrences: int = 0
    complete: bool = True
    states: Counter[State] = field(default_factory=Counter)
    unrun: Counter[Unrun] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)  # runs by task
    retried: Counter[str] = field(default_factory=Counter)
    repeated: list[tuple[str, Instant]] = field(default_factory=list)

    def add(self, run: Run) -> None:
        """Count one run."""
        self.runs += 1
        self.states[run.state] += 1
        if run.state in UNRUN and run.reason_code is not ReasonCode.BY_HAND:
            unrun = Unrun(run.task_id, run.state, run.reason_code, pattern(run.reason))
            self.unrun[unrun] += run.count
        if run.crashes:
            self.crashed[run.task_id] += 1
        if run.failures:
            self.retried[run.task_id] += 1


def recorded(history: History, since: Instant) -> Record:
    """Count the runs since an instant, the newest `DAY_RUNS` of them."""
    record, seen = Record(), set[tuple[str, Instant]]()
    for run in _newest(history, since):
        if record.runs == thresholds.DAY_RUNS:
            record.complete = False
            break
        record.add(run)
        if run.fire_time is not None and run.replay is None:
            key = (run.task_id, run.fire_time)
            if key in seen:
                record.repeated.append(key)
            seen.add(key)
    record.occurrences = len(seen)
    return record


def pattern(reason: str) -> str:
    """Return a reason without the times, ids and numbers that differ from run to run."""
    return _VARYING.sub("…", reason)


def _newest(history: History, since: Instant) -> Iterator[Run]:
    cursor: str | None = None
    while True:
        page = history.runs(RunFilter(since=since), limit=thresholds.DAY_PAGE, after=cursor)
        yield from page.runs
        cursor = page.next
        if cursor is None:
            return
