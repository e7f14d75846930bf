"""What all triggers of wall-clock times share: their instants in a zone, from wall times."""

from __future__ import annotations

from dataclasses import dataclass

from rota.core.time import SECOND, Instant
from rota.triggers.base import LAST_INSTANT
from rota.triggers.dst import Changes, WallTimes, Zone, last_second, next_second


@dataclass(frozen=True, slots=True, eq=False)
class WallTrigger:
    """The instants of `pattern` in `zone` from `start` to `end`, both included."""

    pattern: WallTimes
    zone: Zone
    changes: Changes
    start: Instant | None
    end: Instant | None
    jitter: Instant

    @property
    def timezone(self) -> str:
        """The key of the zone."""
        return self.zone.key

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        if self.start is not None and after < self.start:
            after = self.start - 1
        if after >= LAST_INSTANT:
            return None
        second = next_second(self.pattern, self.zone, self.changes, after // SECOND)
        if second is None:
            return None
        instant = second * SECOND
        end = LAST_INSTANT if self.end is None else self.end
        return instant if instant <= end else None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        if self.end is not None and at > self.end:
            at = self.end
        second = last_second(self.pattern, self.zone, self.changes, at // SECOND)
        if second is None:
            return None
        instant = second * SECOND
        return instant if self.start is None or instant >= self.start else None
