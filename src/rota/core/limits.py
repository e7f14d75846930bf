"""Limits that hold over all nodes: how many runs at once, how many starts in a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_LARGEST = 1_000_000
_EVEN = SECOND // 20
"""Starts that are this close together are released together: the engine claims in batches."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` starts in any span of `per` microseconds, spread evenly: not all at once.

    Kept by the generic cell rate algorithm (ITU-T I.371): one instant holds the whole past. With
    one start every `gap`, and `burst` of them at once after a pause, any span sees at most `burst`
    - 1 + `per` / `gap` of them, `count` at most. `burst` is 1 below twenty a second.
    """

    count: int
    per: Instant

    @property
    def burst(self) -> int:
        """Return how many may start at one instant after a pause."""
        return 1 + self.count * _EVEN // self.per

    @property
    def gap(self) -> Instant:
        """Return the microseconds between two starts."""
        return -(-self.per // (self.count - self.burst + 1))

    def earliest(self, full_until: Instant | None, now: Instant) -> Instant:
        """Return the earliest instant of the next start, `now` or later, after what `spent`
        returned last.
        """
        if full_until is None:
            return now
        return max(now, self._real(full_until, now) - (self.burst - 1) * self.gap)

    def spent(self, full_until: Instant | None, now: Instant) -> Instant:
        """Return the instant that represents all starts, after one more at `now`."""
        if full_until is None:
            return now + self.gap
        return max(now, self._real(full_until, now)) + self.gap

    def _real(self, full_until: Instant, now: Instant) -> Instant:
        """Return `full_until`, cut to the latest instant that any start can cause: the clock that
        wrote a later one was ahead.
        """
        return min(full_until, now + self.burst * self.gap)


@lru_cache(maxsize=1024)
def rate_of(text: str) -> Rate:
    """Read a rate: a count, "/", and s, m, h or d; raises ValueError."""
    found = re.fullmatch(r"([1-9][0-9]{0,6})/([smhd])", text)
    if found is None or int(found[1]) > _LARGEST:
        raise ValueError(f"{text!r} is not a rate")
    return Rate(int(found[1]), _UNITS[found[2]])


class Limit(NamedTuple):
    """What all runs under this name share: the limits of a task, or of a group of tasks."""

    name: str
    task_id: str | None = None
    group: str | None = None
    max_running: int | None = None
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """The limits that the runs of a group's tasks share."""

    max_running: int | None = None
    rate: str | None = None


ALONE = GroupLimit(max_running=1)
"""The limit of a group without a configured one: one run at a time."""
