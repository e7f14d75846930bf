"""What the rest of rota needs of a trigger."""

from __future__ import annotations

from typing import Protocol

from rota.core.time import Instant

LEAD: Instant = 50_000
"""A run is written this long before its instant: it is durable when that comes."""


class Trigger(Protocol):
    """The rule of a task's times: pure, deterministic, the same on every node."""

    @property
    def kind(self) -> str:
        """Return `cron`, `interval` or `date`."""

    @property
    def jitter(self) -> Instant:
        """Return the largest start delay, in microseconds; 0 for none."""

    @property
    def timezone(self) -> str:
        """Return the key of the zone in which its texts are read."""

    @property
    def end(self) -> Instant | None:
        """Return the instant after which nothing starts, or None."""

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`, or None when there is no more."""

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`, or None when there was none."""
