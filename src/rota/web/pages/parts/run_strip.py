"""The last runs of a task as one picture.

Colour and shape show the outcome of each run, its height shows the duration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rota.core.run import Run, State
from rota.core.time import Instant, to_iso
from rota.web.pages.format import format_duration
from rota.web.pages.parts.figures import duration

STRIP = 60
"""The number of runs in a strip, and in the figures next to it."""

TALLEST = 22
WIDE = 4
PITCH = 5
_SHORTEST = 5

LONGEST_REASON = 200
"""The most characters of a reason that are shown on hover."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A run in a strip: its outline, and its text on hover."""

    id: str
    state: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The last runs of a task, from the oldest on the left to the newest on the right."""

    cells: Sequence[Cell]
    free: int  # empty places on the left

    @property
    def summary(self) -> str:
        """The strip as text."""
        counts = Counter(cell.state for cell in self.cells)
        parts = ", ".join(f"{count} {state}" for state, count in counts.most_common())
        return f"Last {len(self.cells)} runs: {parts}" if parts else "No runs yet"


def strip(newest_first: Sequence[Run], now: Instant) -> Strip:
    """Return the strip of the last runs; heights are relative to the longest duration."""
    shown = newest_first[:STRIP][::-1]
    spans = [duration(run, now) or 0 for run in shown]
    longest = max(spans, default=0) or 1
    free = STRIP - len(shown)
    cells = [
        Cell(
            run.id,
            run.state.value,
            outline(run.state, place * PITCH, _height(span / longest)),
            _title(run),
        )
        for place, (run, span) in enumerate(zip(shown, spans, strict=True), start=free)
    ]
    return Strip(cells, free)


def outline(state: str, x: int = 0, height: int = TALLEST) -> str:
    """Return the SVG path of a run at `x`: filled if it ran, otherwise an outline."""
    top = TALLEST - height
    match state:
        case State.FAILED:  # a bar with a dot above it
            top = min(top, 9)
            return f"{_bar(x, top, 4)}{_bar(x, top + 5, TALLEST - top - 5)}"
        case State.LOST:
            return f"{_hollow(x, 9)}M{x + 0.6} 4.6h2.8v2h-2.8z"
        case State.RUNNING:  # a bar with a window
            top = min(top, 8)
            return f"{_bar(x, top, TALLEST - top)}M{x + 1} {top + 2}v3h2v-3z"
        case State.CANCELLED:
            return _bar(x, min(top, 15), TALLEST - min(top, 15))
        case State.SKIPPED:
            return _hollow(x, 14)
        case State.MISSED:
            return f"M{x + 2} 14l1.8 3.7-1.8 3.7-1.8-3.7z"
        case State.QUEUED | State.SCHEDULED:
            return f"M{x + 0.5} 19.5a1.5 1.5 0 1 1 3 0a1.5 1.5 0 1 1-3 0z"
    return _bar(x, top, height)


def _title(run: Run) -> str:
    parts = [run.state.value, to_iso(run.fire_time or run.created_at)]
    if run.started_at is not None and run.finished_at is not None:
        parts.append(format_duration(run.finished_at - run.started_at))
    return " · ".join([*parts, run.reason[:LONGEST_REASON]] if run.reason else parts)


def _height(share: float) -> int:
    return _SHORTEST + round((TALLEST - _SHORTEST) * share)


def _bar(x: int, top: int, height: int) -> str:
    return f"M{x} {top}h{WIDE}v{height}h-{WIDE}z"


def _hollow(x: int, top: int) -> str:
    return f"M{x + 0.6} {top + 0.6}h2.8v{TALLEST - top - 1.2:.3g}h-2.8z"
