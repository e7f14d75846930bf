"""The interval trigger: every so often in real elapsed time, whatever the clocks on the wall do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.errors import TriggerError
from rota.triggers.base import LAST_INSTANT
from rota.triggers.crontab import SHORTEST
from rota.triggers.kinds.kind import BOUNDS, Args, Bounds, Reading, TriggerKind, read_span
from rota.triggers.words import bounds_in_words, delay, moment, span

UNITS = {"weeks": 7 * DAY, "days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}


@dataclass(frozen=True, slots=True)
class IntervalTrigger:
    """The instants `first + k * period`, k = 0, 1, 2, …, up to and with `end`."""

    kind: ClassVar[str] = "interval"

    first: Instant
    period: Instant
    end: Instant
    timezone: str
    jitter: Instant

    @property
    def has_start(self) -> bool:
        """Return whether it begins at `first`; without a start, the count has no beginning."""
        return self.first >= self.period

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


def read_period(args: Args) -> Instant:
    """Return the sum of weeks, days, hours, minutes and seconds in microseconds.

    Each is an int or a float of 0 or more. Raises TriggerError, also if the sum is below a
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


def read(reading: Reading) -> IntervalTrigger:
    """Return the trigger of the arguments; raises TriggerError."""
    args, errors = reading.args, reading.errors
    named = not errors or not args.keys().isdisjoint(UNITS)
    period = reading.read(SECOND, read_period, args) if named else SECOND
    return of_period(reading, period, reading.bounds())


def of_period(reading: Reading, period: Instant, bounds: Bounds) -> IntervalTrigger:
    """Return the trigger of a period; raises TriggerError, also for what is wrong already."""
    reading.finish()
    first = (reading.anchor or 0) + period if bounds.start is None else bounds.start
    if first > LAST_INSTANT:
        raise TriggerError(
            "It can never fire: its first time would come after the year 9999.",
            field=next((unit for unit in UNITS if unit in reading.args), "crontab"),
            remedy="Write a shorter interval.",
        )
    if bounds.start is None:
        first %= period  # both ways: an anchor that a clock which was ahead wrote silences nothing
    end = LAST_INSTANT if bounds.end is None else bounds.end
    return IntervalTrigger(first, period, end, bounds.zone.key, bounds.jitter)


def words(rule: IntervalTrigger, args: Args) -> str:
    """Describe the trigger, with its zone if it names a moment."""
    start = rule.first if "start_date" in args else None
    end = rule.end if "end_date" in args else None
    named = f", {rule.timezone}" if start is not None or end is not None else ""
    counted = ""
    if start is not None:
        counted, start = f", counted from {moment(start, rule.timezone)}", None
    elif end is not None:
        counted = ", counted from its registration"
    said = f"every {span(rule.period)}{counted}{bounds_in_words(start, end, rule.timezone)}"
    return f"{said}{delay(rule.jitter)}{named}"


KIND = TriggerKind(
    name="interval",
    meaning="every so often, in real elapsed time",
    arguments={**{unit: f"{unit} between two runs, added up" for unit in UNITS}, **BOUNDS},
    example={"minutes": 15},
    read=read,
    words=words,
)
