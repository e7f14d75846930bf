"""A clock that moves only when the test moves it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from rota.core.time import Instant, from_datetime, seconds


class FakeClock:
    """A wall clock and a monotonic clock; `advance` moves both, `step` only the wall clock."""

    def __init__(self, start: datetime = datetime(2024, 1, 1, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._now = from_datetime(start)
        self._monotonic = 0.0

    def now(self) -> Instant:
        """Return the wall clock's instant."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic

    def advance(self, span: float) -> None:
        """Move both clocks forward by `span` seconds; raises ValueError for a negative span."""
        if span < 0:
            raise ValueError("time does not run backwards; use step() for the wall clock")
        with self._lock:
            self._monotonic += span
            self._now += seconds(span)

    def step(self, span: float) -> None:
        """Set the wall clock forward or back by `span` seconds, as an operator or NTP does."""
        with self._lock:
            self._now += seconds(span)
