"""The pure rule: which instants of a task need a row, from what was said of it and when.

Written from the words of the specification alone, and slowly: nothing of the planner is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rota.core.time import SECOND, Instant

FOREVER: Instant = 1 << 61


@dataclass
class Said:
    """What was said of a task, in the order in which it was said."""

    known_since: Instant
    periods: list[tuple[Instant, int]]  # since when, seconds between two instants
    disabled: list[tuple[Instant, Instant]] = field(default_factory=list)
    pauses: list[tuple[Instant, Instant]] = field(default_factory=list)

    def edit(self, now: Instant, period: int) -> None:
        self.periods.append((now, period))

    def pause(self, now: Instant, until: Instant | None) -> None:
        since = now
        if self.is_paused(now):
            since = self.pauses.pop()[0]
        self.pauses.append((since, FOREVER if until is None else until))

    def resume(self, now: Instant) -> None:
        if self.is_paused(now):
            since, _ = self.pauses.pop()
            self.pauses.append((since, now))

    def disable(self, now: Instant) -> None:
        if not self.is_disabled(now):
            self.disabled.append((now, FOREVER))

    def enable(self, now: Instant) -> None:
        if self.is_disabled(now):
            since, _ = self.disabled.pop()
            self.disabled.append((since, now))

    def is_paused(self, now: Instant) -> bool:
        return any(since <= now < until for since, until in self.pauses)

    def is_disabled(self, now: Instant) -> bool:
        return any(since <= now < until for since, until in self.disabled)

    def is_off(self, now: Instant) -> bool:
        return self.is_paused(now) or self.is_disabled(now)

    def last_change(self) -> Instant:
        """Return when anything was said last."""
        spans = [*self.pauses, *self.disabled]
        times = [time for span in spans for time in span if time < FOREVER]
        return max([self.known_since, self.periods[-1][0], *times])

    def needed(self, until: Instant) -> list[Instant]:
        """Return the instants up to `until` that need a row."""
        found = []
        for second in range(self.known_since // SECOND + 1, until // SECOND + 1):
            instant = second * SECOND
            period = [each for since, each in self.periods if since < instant][-1]
            if second % period == 0 and not self.is_off(instant):
                found.append(instant)
        return found
