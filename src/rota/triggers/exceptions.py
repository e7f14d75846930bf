"""A trigger without the instants that other triggers name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from rota.core.time import SECOND, Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars.holidays_of import Holidays
from rota.triggers.calendars.naming import EXCEPT
from rota.triggers.day_rules import bits
from rota.triggers.fields import evenly
from rota.triggers.kinds.after import AfterTrigger
from rota.triggers.kinds.any_of import AnyTrigger
from rota.triggers.kinds.cron import CronTrigger
from rota.triggers.kinds.interval import IntervalTrigger
from rota.triggers.layers import Layer
from rota.triggers.wall_times import DAY, Pattern

MOST_LEFT_OUT = 15_000
"""Instants, or days of a rule of whole seconds, that may be left out in a row: after so many the
trigger names no more, so that each search ends."""


_SELDOM = 600
"""Seconds of an interval from which on its instants are taken one by one."""


@dataclass(frozen=True, slots=True)
class Excepting(Layer):
    """The instants of `rule` that none of the exceptions names."""

    exceptions: tuple[Trigger, ...]
    _empty: list[Instant] = field(default_factory=list, compare=False, repr=False)
    """An instant after which it is known to name none, so that this is searched once."""

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        if self._empty and after >= self._empty[0]:
            return None
        instant = self.rule.next_after(after)
        for _ in range(MOST_LEFT_OUT):
            if instant is None or not self.leaves_out(instant):
                return instant
            instant = self.rule.next_after(self._last_in_a_row(instant))
        self._empty[:] = [after]
        return None

    def names_any(self) -> bool:
        """Return whether it names an instant at all."""
        ends = (one.end for one in self.exceptions if one.end is not None)
        return any(self.next_after(after) is not None for after in (*ends, -LAST_INSTANT))

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        instant = self.rule.last_before(at)
        for _ in range(MOST_LEFT_OUT):
            if instant is None or not self.leaves_out(instant):
                return instant
            instant = self.rule.last_before(self._first_in_a_row(instant) - 1)
        return None

    def leaves_out(self, instant: Instant) -> bool:
        """Return whether an exception names the instant."""
        return any(one.last_before(instant) == instant for one in self.exceptions)

    def _last_in_a_row(self, instant: Instant) -> Instant:
        """Return an instant of the same day up to which all that the rule names is left out."""
        for one in self.exceptions:
            if isinstance(one, Holidays) and one.has(instant):
                return one.day_of(instant)[1] - 1
        found = self._left_of_day(instant)
        if found is None:
            return instant
        midnight, left = found
        later = left >> (instant - midnight) // SECOND + 1
        if not later:
            return midnight + DAY * SECOND - 1
        return instant + (later & -later).bit_length() * SECOND - 1

    def _first_in_a_row(self, instant: Instant) -> Instant:
        """Return an instant of the same day from which on all that the rule names is left out."""
        for one in self.exceptions:
            if isinstance(one, Holidays) and one.has(instant):
                return one.day_of(instant)[0]
        found = self._left_of_day(instant)
        if found is None:
            return instant
        midnight, left = found
        earlier = left & ((1 << (instant - midnight) // SECOND) - 1)
        return midnight + earlier.bit_length() * SECOND

    def _left_of_day(self, instant: Instant) -> tuple[Instant, int] | None:
        """Return the midnight of the day of an instant, and a bit for each second of it that is
        left; None if that is not known: clocks change, or the rule is of another kind."""
        rule = self.rule
        crons = [one for one in self.exceptions if isinstance(one, CronTrigger)]
        if not crons:
            return None
        zone = rule.zone if isinstance(rule, CronTrigger) else crons[0].zone
        second = instant // SECOND
        offset = zone.steady_offset(second // DAY)
        if offset is None or second < 2 * DAY:
            return None
        day = (second + offset) // DAY
        first = day * DAY - offset
        named = _named_by(rule, first)
        if named is None:
            return None
        for one in crons:
            lasts = one.start is None or one.start <= first * SECOND
            lasts &= one.end is None or one.end >= (first + DAY) * SECOND
            if lasts and one.zone is zone and (one.pattern.next(day * DAY) or 0) // DAY == day:
                named &= ~_seconds_of(one.pattern)
        return first * SECOND, named


def _named_by(rule: Trigger, first: int) -> int | None:
    """Return a bit for each second that a rule may name in the day from `first` on."""
    if isinstance(rule, CronTrigger):
        return _seconds_of(rule.pattern)
    if isinstance(rule, IntervalTrigger) and not (rule.period % SECOND or rule.first % SECOND):
        period = rule.period // SECOND
        if period > _SELDOM:
            return None
        begin = (rule.first // SECOND - first) % period
        return evenly(begin, DAY - 1, period)
    return None


@lru_cache(maxsize=256)
def _seconds_of(pattern: Pattern) -> int:
    """Return a bit for each second of a day that a pattern names on its days."""
    minute = sum(pattern.seconds << 60 * one for one in bits(pattern.minutes))
    return sum(minute << 3600 * one for one in bits(pattern.hours))


def excepting(rule: Trigger, exceptions: tuple[Trigger, ...]) -> Trigger:
    """Return the rule without what the exceptions name; raises TriggerError if nothing is left."""
    if isinstance(rule, AfterTrigger):
        return replace(rule, exceptions=exceptions)
    rules = rule.rules if isinstance(rule, AnyTrigger) else (rule,)
    left = [one for one in (Excepting(each, exceptions) for each in rules) if one.names_any()]
    if not left:
        raise TriggerError(
            "It can never fire: its exceptions leave out every time of it.",
            field=EXCEPT,
            remedy=f"An exception may leave out at most {MOST_LEFT_OUT:,} times in a row.",
        )
    return replace(rule, rules=tuple(left)) if isinstance(rule, AnyTrigger) else left[0]
