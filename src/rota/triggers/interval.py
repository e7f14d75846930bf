"""The interval trigger: every so often in real elapsed time, whatever the clocks on the wall do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.errors import TriggerError
from rota.triggers.base import LAST_INSTANT
from rota.triggers.trigger_errors import refuse

UNITS = {"weeks": 7 * DAY, "days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}
SHORTEST: Instant = 1_000


@dataclass(frozen=True, slots=True)
class IntervalTrigger:
    """The instants `first + k * period`, k = 0, 1, 2, …, up to and with `end`."""

    kind: ClassVar[str] = "interval"

    first: Instant
    period: Instant
    end: Instant
    timezone: str
    jitter: Instant

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        steps = max((after - self.first) // self.period + 1, 0)
        instant = self.first + steps * self.period
        return instant if instant <= self.end else None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        steps = (min(at, self.end) - self.first) // self.period
        return self.first + steps * self.period if steps >= 0 else None

    def count(self, after: Instant, until: Instant) -> int:
        """Return how many instants lie strictly after `after` and not after `until`."""
        first, last = self.next_after(after), self.last_before(until)
        if first is None or last is None or last < first:
            return 0
        return (last - first) // self.period + 1


def read_period(args: Mapping[str, object]) -> Instant:
    """Return the sum of weeks, days, hours, minutes and seconds in microseconds.

    Each is an int or a float of 0 or more. Raises TriggerError, also where the sum is below a
    millisecond or no second instant would come before the year 10000.
    """
    period = sum(read_span(unit, args[unit], UNITS[unit]) for unit in UNITS if unit in args)
    given = next((unit for unit in UNITS if unit in args), "seconds")
    if period < SHORTEST:
        raise TriggerError(
            f"An interval of {period / SECOND:g} s is too short.",
            field=given,
            remedy="Say weeks, days, hours, minutes or seconds, together 0.001 seconds or more.",
        )
    return period


def read_span(field: str, value: object, unit: Instant) -> Instant:
    """Return a number of units, an int or a float of 0 or more, in microseconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        remedy = "Write a number, like 5 or 0.5."
        raise refuse(field, value, "not a number", remedy)
    if isinstance(value, float) and not isfinite(value):
        raise refuse(field, value, "not a finite number")
    if value < 0:
        raise refuse(field, value, "below zero")
    if value > LAST_INSTANT / unit:
        raise refuse(field, value, "longer than time lasts here (to the year 9999)")
    return round(value * unit)
