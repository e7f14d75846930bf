"""The holidays of a calendar as an exception: every instant of these days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.time import Instant
from rota.triggers.calendars.days import Calendar
from rota.triggers.calendars.rolled import day_in, midnight_of
from rota.triggers.dst import Zone


@dataclass(frozen=True, slots=True)
class Holidays:
    """Each instant of each holiday of a calendar in a zone, and of its weekends if the calendar's
    configuration names them; asked as any trigger whether it names an instant."""

    kind: ClassVar[str] = "holidays"
    jitter: ClassVar[Instant] = 0
    end: ClassVar[Instant | None] = None

    calendar: Calendar
    zone: Zone

    @property
    def timezone(self) -> str:
        """The key of the zone."""
        return self.zone.key

    def has(self, instant: Instant) -> bool:
        """Return whether the day of an instant is left out."""
        day = day_in(self.zone, instant)
        if self.calendar.holiday(day) is not None:
            return True
        return self.calendar.names_weekend and self.calendar.is_weekend(day)

    def day_of(self, instant: Instant) -> tuple[Instant, Instant]:
        """Return the first instant of a day, and that of the next day."""
        day = day_in(self.zone, instant)
        return midnight_of(self.zone, day), midnight_of(self.zone, day + 1)

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`, if it is of the same day."""
        return after + 1 if self.has(after + 1) else None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the instant itself, or None if its day is not left out."""
        return at if self.has(at) else None
