"""Runs as bars in lanes, one lane per task, and the number of runs at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from rota.core.ports.records import RunSpanAggregate
from rota.core.run import Run, State
from rota.core.time import Instant
from rota.core.trigger import Trigger

PAST = 160
"""The number of slices of the past in a picture; a bar is at least one slice wide."""
COMING = 40
"""The number of slices of the future."""
PLANNED = "planned"

_NEVER_STARTED = frozenset({State.SKIPPED, State.MISSED})
_ORDER = ("planned", "succeeded", "cancelled", "skipped", "missed", "running", "lost", "failed")
"""States in drawing order: later ones are on top."""


class Window(NamedTuple):
    """The time that is drawn, in slices of `slice` microseconds; the first `PAST` are over."""

    since: Instant
    slice: Instant

    @property
    def until(self) -> Instant:
        """The end of the window."""
        return self.since + (PAST + COMING) * self.slice

    def place(self, moment: Instant) -> float:
        """Return the position of a moment, in per cent from the left."""
        share = (moment - self.since) / (self.until - self.since)
        return round(100 * min(max(share, 0.0), 1.0), 2)


def window(span: Instant, now: Instant) -> Window:
    """Return the window that shows `span` of the past; it moves by whole slices."""
    slice = span // PAST
    return Window((now - span) // slice * slice + slice, slice)


@dataclass(slots=True)
class RunBar:
    """Runs of one state that are so close to each other that they are drawn as one bar."""

    state: str
    first: Instant
    last: Instant
    count: int
    busy: Instant  # their total duration; 0 if they never started
    run: str  # id of the newest; "" if they are planned
    left: float = 0.0
    width: float = 0.0
    density: float = 1.0  # the share of its width in which runs ran


@dataclass(slots=True)
class TaskLane:
    """The lane of one task."""

    task_id: str
    bars: list[RunBar] = field(default_factory=list)


def going(run: Run, shown: Window, now: Instant) -> RunSpanAggregate:
    """Return a running run as if it ended now."""
    began = min(max(run.started_at or now, shown.since), now)
    begins, ends = began - shown.since, now - shown.since
    first, last = begins // shown.slice, ends // shown.slice
    return RunSpanAggregate(
        run.task_id, run.state, first, last, 1, began, now, begins, ends, run.id
    )


def lanes(
    bundles: Iterable[RunSpanAggregate],
    planned: Iterable[tuple[str, Trigger, Instant]],
    shown: Window,
) -> list[TaskLane]:
    """Return the lanes of past runs, and of the instants of each trigger after its instant.

    The lanes are in the order of the task ids.
    """
    bars: dict[str, list[RunBar]] = {}
    for bundle in bundles:
        bars.setdefault(bundle.task_id, []).append(_bar(bundle))
    for task_id, trigger, after in planned:
        length = _usual(bars.get(task_id, []))
        coming = [
            RunBar(PLANNED, first, last + length, 1, length, "")
            for first, last in _times(trigger, after, shown)
        ]
        if coming:
            bars.setdefault(task_id, []).extend(coming)
    return [TaskLane(task_id, _drawn(bars[task_id], shown)) for task_id in sorted(bars)]


def _bar(bundle: RunSpanAggregate) -> RunBar:
    busy = 0 if bundle.state in _NEVER_STARTED else bundle.ends - bundle.begins
    return RunBar(bundle.state, bundle.first, bundle.last, bundle.runs, busy, bundle.example)


def _usual(bars: Sequence[RunBar]) -> Instant:
    good = [bar for bar in bars if bar.state == State.SUCCEEDED]
    return sum(bar.busy for bar in good) // max(sum(bar.count for bar in good), 1)


def _times(trigger: Trigger, after: Instant, shown: Window) -> Iterator[tuple[Instant, Instant]]:
    """Yield the first and the last instant of a trigger in each slice of the window."""
    first = trigger.next_after(after)
    while first is not None and first < shown.until:
        end = first - (first - shown.since) % shown.slice + shown.slice
        yield first, trigger.last_before(end - 1) or first
        first = trigger.next_after(end - 1)


def _drawn(bars: Iterable[RunBar], shown: Window) -> list[RunBar]:
    merged: list[RunBar] = []
    by_state: dict[str, RunBar] = {}
    for bar in sorted(bars, key=lambda bar: bar.first):
        before = by_state.get(bar.state)
        if before is not None and bar.first - before.last < shown.slice:
            before.last = max(before.last, bar.last)
            before.count += bar.count
            before.busy += bar.busy
            before.run = max(before.run, bar.run)
        else:
            by_state[bar.state] = bar
            merged.append(bar)
    for bar in merged:
        _place(bar, shown)
    return sorted(merged, key=lambda bar: _ORDER.index(bar.state))


def _place(bar: RunBar, shown: Window) -> None:
    narrowest = 100 / (PAST + COMING)
    bar.left = min(shown.place(bar.first), 100 - narrowest)
    bar.width = round(max(shown.place(bar.last) - bar.left, narrowest), 2)
    if bar.count > 1 and bar.busy:
        share = bar.busy / max(bar.last - bar.first, 1)
        bar.density = round(min(1.0, 0.45 + 0.55 * share), 2)


def at_once(bundles: Iterable[RunSpanAggregate], slice: Instant) -> list[float]:
    """Return how many runs ran at the same time in each slice of the past, on average."""
    busy = [0] * (PAST + 1)
    through = [0] * (PAST + 2)  # the change in the number of runs that fill a whole slice
    for one in bundles:
        if one.state in _NEVER_STARTED:
            continue
        if one.began == one.ended:
            busy[one.began] += one.ends - one.begins
            continue
        busy[one.began] += one.runs * (one.began + 1) * slice - one.begins
        busy[one.ended] += one.ends - one.runs * one.ended * slice
        through[one.began + 1] += one.runs
        through[one.ended] -= one.runs
    whole = accumulate(through)
    return [part / slice + full for part, full in zip(busy[:PAST], whole, strict=False)]
