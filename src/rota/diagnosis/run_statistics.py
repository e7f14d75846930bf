"""The runs of the last day, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.time import SECOND, Instant

MOST = 100_000
"""Runs that are looked at; a minute's patience is more than a doctor may ask."""
_PAGE = 2_000
_VARYING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9A-HJKMNP-TV-Z]{26}\b|\b\d+\b")


@dataclass(slots=True)
class Record:
    """What the runs of a day amount to."""

    runs: int = 0
    occurrences: int = 0
    complete: bool = True
    states: Counter[State] = field(default_factory=Counter)
    unrun: Counter[tuple[str, State, str]] = field(default_factory=Counter)  # task, state, reason
    crashed: Counter[str] = field(default_factory=Counter)  # runs by task
    retried: Counter[str] = field(default_factory=Counter)
    repeated: list[tuple[str, Instant]] = field(default_factory=list)

    def add(self, run: Run) -> None:
        """Count one run."""
        self.runs += 1
        self.states[run.state] += 1
        if run.state in (State.SKIPPED, State.MISSED, State.LOST) and not _was_wished(run):
            self.unrun[run.task_id, run.state, pattern(run.reason)] += run.count
        if run.crashes:
            self.crashed[run.task_id] += 1
        if run.failures:
            self.retried[run.task_id] += 1


def _was_wished(run: Run) -> bool:
    """Say whether it was skipped before its time, which only somebody by hand does."""
    if run.state is not State.SKIPPED or run.fire_time is None:
        return False
    return run.created_at < run.fire_time - SECOND


def recorded(history: History, since: Instant) -> Record:
    """Count the runs since an instant, the newest `MOST` of them."""
    record, seen = Record(), set[tuple[str, Instant]]()
    for run in _newest(history, since):
        if record.runs == MOST:
            record.complete = False
            break
        record.add(run)
        if run.fire_time is not None:
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
        page = history.runs(RunFilter(since=since), limit=_PAGE, after=cursor)
        yield from page.runs
        cursor = page.next
        if cursor is None:
            return
