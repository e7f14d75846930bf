"""The time, injected everywhere."""

from __future__ import annotations

from typing import Protocol

from rota.core.time import Instant


class Clock(Protocol):
    """The time: injected everywhere, so that tests can move it."""

    def now(self) -> Instant:
        """Return the wall clock's instant."""

    def monotonic(self) -> float:
        """Return seconds that only ever rise."""
