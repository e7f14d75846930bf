"""Notices when a wall clock was set forward or back, however briefly."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rota.core.ports.clock import Clock
from rota.core.time import SECOND, Instant, seconds

STEP: Instant = SECOND // 2
"""A smaller difference is not called a step of the wall clock; small steps add up."""

FINE: Instant = STEP // 10
"""A reading that is ahead by less is not remembered: it takes no lock."""


class StepDetectingClock:
    """Reads another clock, and remembers the furthest time that was read.

    So a clock that was ahead for a moment between two checks is noticed too, if its time was read;
    if it was not read, it did no harm.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.monotonic: Callable[[], float] = clock.monotonic
        """Return seconds that only ever rise."""
        self._lock = threading.Lock()
        self._known = self._furthest = self._drift()

    def now(self) -> Instant:
        """Return the wall clock's instant."""
        now = self._clock.now()
        # In this order: a thread that is held up in between finds too little, which is no harm.
        drift = now - round(self.monotonic() * SECOND)
        if drift > self._furthest + FINE:
            with self._lock:  # two threads may read: the further time is kept
                self._furthest = max(self._furthest, drift)
        return now

    def forget(self) -> None:
        """Take the clock as it is now."""
        self._known = self._furthest = self._drift()

    def step(self) -> float:
        """Return by how many seconds it was set since the last call, 0 for not at all; negative if
        a time that is yet to come was read.
        """
        with self._lock:
            furthest = self._furthest  # read first: what others read from now on is for later
            drift = self._drift()
            back, forward = furthest - drift, drift - self._known
            if max(back, forward) <= STEP:
                return 0.0
            self._known = self._furthest = drift
        return (-back if back > STEP else forward) / SECOND

    def _drift(self) -> Instant:
        # The larger of two: a thread that is held up between the clocks finds too little.
        return max(self._clock.now() - seconds(self._clock.monotonic()) for _ in range(2))
