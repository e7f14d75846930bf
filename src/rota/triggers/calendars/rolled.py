"""A trigger by a calendar: some of its occurrences move to business days, or are left out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rota.core.catchup import Rejection
from rota.core.reasons import ReasonCode
from rota.core.time import SECOND, Instant
from rota.core.trigger import Trigger
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars.days import FIRST_DAY, Calendar
from rota.triggers.calendars.rolls import FARTHEST, Roll, rolled_day
from rota.triggers.dst import Zone
from rota.triggers.layers import Layer
from rota.triggers.wall_times import DAY
from rota.triggers.zones import read_zone

_MOST_DAYS = 15_000
"""Days without an occurrence that a search looks at; after so many there is none."""

_FARTHEST = 36_525 * DAY * SECOND
"""How far a search for a day that fits goes: a century."""

_FIRST_WALL, _LAST_WALL = -(FIRST_DAY - 732) * DAY, LAST_INSTANT // SECOND - 2 * DAY
"""The first and last wall time that are converted exactly; nothing is due outside."""


class Moved(NamedTuple):
    """The instant of an occurrence, and the one that the rule below names for it."""

    instant: Instant
    nominal: Instant


@lru_cache(maxsize=16_384)
def _rolled(calendar: Calendar, roll: Roll, day: int) -> int | None:
    return rolled_day(calendar, roll, day)


@lru_cache(maxsize=16_384)
def _sources(calendar: Calendar, roll: Roll, target: int) -> range:
    """Return the days that roll to a business day: they are neighbours."""
    first = last = target
    while _rolled(calendar, roll, first - 1) == target:
        first -= 1
    while _rolled(calendar, roll, last + 1) == target:
        last += 1
    return range(first, last + 1)


@dataclass(frozen=True, slots=True)
class OnDays(Layer):
    """The instants of `rule` on the business days of a calendar, or with `wanted=False` on the
    other days alone."""

    calendar: Calendar
    zone: Zone
    wanted: bool

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        first = instant = self.rule.next_after(after)
        for _ in range(_MOST_DAYS):
            if instant is None or self.has(instant):
                return instant
            if first is None or instant - first > _FARTHEST:
                return None
            instant = self.rule.next_after(
                midnight_of(self.zone, day_in(self.zone, instant) + 1) - 1
            )
        return None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        last = instant = self.rule.last_before(at)
        for _ in range(_MOST_DAYS):
            if instant is None or self.has(instant):
                return instant
            if last is None or last - instant > _FARTHEST:
                return None
            instant = self.rule.last_before(midnight_of(self.zone, day_in(self.zone, instant)) - 1)
        return None

    def has(self, instant: Instant) -> bool:
        """Return whether the day of an instant is one of these days."""
        return self.calendar.is_business(day_in(self.zone, instant)) is self.wanted


@dataclass(frozen=True, slots=True)
class CalendarTrigger(Layer):
    """The instants of `rule` by a calendar. If the roll rule moves them, `rule` has no bounds: they
    are here, for what is moved."""

    calendar: Calendar
    roll: Roll
    zone: Zone
    in_gaps: bool = True  # whether a time that the clocks leave out on its new day is at their end
    start: Instant | None = None
    last: Instant | None = None
    _changed: dict[tuple[int, int], list[Moved]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """What moves from a day with a change of the clocks to another one, in order."""

    @property
    def end(self) -> Instant | None:
        """Return the instant after which nothing starts, or None."""
        return self.rule.end if self.last is None else self.last

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        if self.roll is Roll.SKIP:
            return self.rule.next_after(after)
        if self.roll is Roll.ONLY:
            return self.firing().next_after(after)
        after = max(after, _FIRST_WALL * SECOND if self.start is None else self.start - 1)
        found = self._next(after)
        if found is None or (self.last is not None and found > self.last):
            return None
        return found

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        if self.roll is Roll.SKIP:
            return self.rule.last_before(at)
        if self.roll is Roll.ONLY:
            return self.firing().last_before(at)
        at = min(at, _LAST_WALL * SECOND if self.last is None else self.last)
        found = self._last(at)
        if found is None or (self.start is not None and found < self.start):
            return None
        return found

    def firing(self) -> Trigger:
        """Return the trigger of the occurrences that start: those that are not skipped."""
        if self.roll.moves:
            return self
        return OnDays(self.rule, self.calendar, self.zone, self.roll is Roll.SKIP)

    def has_day(self, instant: Instant) -> bool:
        """Return whether an instant that is named from elsewhere is an occurrence that starts."""
        days = self.firing()
        return not isinstance(days, OnDays) or days.has(instant)

    def why_skipped(self, instant: Instant) -> str:
        """Return why an occurrence does not start; "" if it does."""
        if self.roll is not Roll.SKIP:
            return ""
        return self.calendar.why_none(day_in(self.zone, instant))

    def rejection(self, instant: Instant) -> Rejection | None:
        """Return why an occurrence does not start; None if it does."""
        text = self.why_skipped(instant)
        if not text:
            return None
        day = day_in(self.zone, instant)
        since, until = midnight_of(self.zone, day), midnight_of(self.zone, day + 1)
        return Rejection(text, ReasonCode.CALENDAR, since, until)

    def nominal_of(self, instant: Instant) -> Instant:
        """Return the instant that the rule names for an occurrence: the first one, if two rolled
        onto it."""
        if self.roll.moves:
            day = day_in(self.zone, instant)
            for source in _sources(self.calendar, self.roll, day):
                found = self._first_of(source, day, instant - 1)
                if found is not None and found.instant == instant:
                    return found.nominal
        return instant

    def _next(self, after: Instant) -> Instant | None:
        for target, first in self._targets(after):
            found = [
                one.instant
                for day in _sources(self.calendar, self.roll, target)
                if day >= first and (one := self._first_of(day, target, after)) is not None
            ]
            if found:
                return min(found)
        return None

    def _targets(self, after: Instant) -> Iterator[tuple[int, int]]:
        """Yield the business days to which the rule's days roll, in order, from that of `after` on;
        each with the first of the rule's days."""
        business = self._business(day_in(self.zone, after), 1)
        if business is None:
            return
        first = _sources(self.calendar, self.roll, business)[0]
        for _ in range(_MOST_DAYS):
            nominal = self.rule.next_after(midnight_of(self.zone, first) - 1)
            if nominal is None:
                return
            day = max(day_in(self.zone, nominal), first)
            target = _rolled(self.calendar, self.roll, day)
            if target is None:
                first = day + 1
                continue
            yield target, day
            first = _sources(self.calendar, self.roll, target)[-1] + 1

    def _last(self, at: Instant) -> Instant | None:
        business = self._business(day_in(self.zone, at), -1)
        if business is None:
            return None
        last = _sources(self.calendar, self.roll, business)[-1]
        for _ in range(_MOST_DAYS):
            nominal = self.rule.last_before(midnight_of(self.zone, last + 1) - 1)
            if nominal is None:
                return None
            day = min(day_in(self.zone, nominal), last)
            target = _rolled(self.calendar, self.roll, day)
            if target is None:
                last = day - 1
                continue
            sources = _sources(self.calendar, self.roll, target)
            found = [
                one.instant
                for source in sources
                if source <= day and (one := self._last_of(source, target, at)) is not None
            ]
            if found:
                return max(found)
            last = sources[0] - 1
        return None

    def _business(self, day: int, step: int) -> int | None:
        for _ in range(FARTHEST):
            if self.calendar.is_business(day):
                return day
            day += step
            if not _FIRST_WALL <= day * DAY <= _LAST_WALL:
                return None
        return None

    def _first_of(self, day: int, target: int, after: Instant) -> Moved | None:
        """Return the first occurrence after `after` that is named on `day` and moves to
        `target`."""
        rule, zone = self.rule, self.zone
        if day == target:
            found = rule.next_after(max(after, midnight_of(zone, day) - 1))
            return Moved(found, found) if found is not None and day_in(zone, found) == day else None
        changed = self._by_change(day, target)
        if changed is not None:
            index = bisect_right(changed, after, key=lambda one: one.instant)
            return changed[index] if index < len(changed) else None
        reached, second = divmod(_wall(zone, after), DAY)
        if reached > target:
            return None
        wall = day * DAY + (second if reached == target else 0)
        nominal = rule.next_after(zone.instant_of(wall) * SECOND - 1)
        while nominal is not None and day_in(zone, nominal) == day:
            moved = self._moved(nominal, target)
            if moved is not None and moved > after:
                return Moved(moved, nominal)
            nominal = rule.next_after(nominal)
        return None

    def _last_of(self, day: int, target: int, at: Instant) -> Moved | None:
        """Return the last occurrence at or before `at` that is named on `day` and moves to
        `target`."""
        rule, zone = self.rule, self.zone
        if day == target:
            found = rule.last_before(min(at, midnight_of(zone, day + 1) - 1))
            return Moved(found, found) if found is not None and day_in(zone, found) == day else None
        changed = self._by_change(day, target)
        if changed is not None:
            index = bisect_right(changed, at, key=lambda one: one.instant)
            return changed[index - 1] if index else None
        reached, second = divmod(_wall(zone, at), DAY)
        if reached < target:
            return None
        wall = day * DAY + (second if reached == target else DAY - 1)
        nominal = rule.last_before((zone.instant_of(wall) + 1) * SECOND - 1)
        while nominal is not None and day_in(zone, nominal) == day:
            moved = self._moved(nominal, target)
            if moved is not None and moved <= at:
                return Moved(moved, nominal)
            nominal = rule.last_before(nominal - 1)
        return None

    def _by_change(self, day: int, target: int) -> list[Moved] | None:
        """Return all that moves from a day on which the clocks change, in order; None for other
        days. There the order on the wall is not that of time."""
        if not self.zone.changes or self.zone.steady_offset(day) is not None:
            return None
        known = self._changed.get((day, target))
        if known is None:
            found: list[Moved] = []
            nominal = self.rule.next_after(midnight_of(self.zone, day) - 1)
            while nominal is not None and day_in(self.zone, nominal) == day:
                moved = self._moved(nominal, target)
                if moved is not None:
                    found.append(Moved(moved, nominal))
                nominal = self.rule.next_after(nominal)
            if len(self._changed) >= 8:
                self._changed.clear()
            known = self._changed[day, target] = sorted(found)
        return known

    def _moved(self, nominal: Instant, target: int) -> Instant | None:
        """Return the same time of day on another day, in the first pass if it comes twice there;
        None if the clocks leave it out and `in_gaps` is false."""
        wall = target * DAY + _wall(self.zone, nominal) % DAY
        before, after = self.zone.offsets(wall)
        if before < after and not self.in_gaps:
            return None
        return self.zone.instant_of(wall) * SECOND + (nominal % SECOND if before >= after else 0)


def on_calendar(
    rule: Trigger,
    calendar: Calendar,
    roll: Roll,
    dst: str,
    start: Instant | None = None,
    end: Instant | None = None,
) -> CalendarTrigger:
    """Return a rule by a calendar, in the rule's zone; `start` and `end` bound what is moved."""
    zone = read_zone(rule.timezone)
    return CalendarTrigger(rule, calendar, roll, zone, dst != "skip", start, end)


def _wall(zone: Zone, instant: Instant) -> int:
    second = instant // SECOND
    offset = zone.steady_offset(second // DAY)
    return second + (zone.offset_at(second) if offset is None else offset)


def day_in(zone: Zone, instant: Instant) -> int:
    return _wall(zone, instant) // DAY


def midnight_of(zone: Zone, day: int) -> Instant:
    """Return the first instant of a day on the wall."""
    wall = day * DAY
    if not _FIRST_WALL <= wall <= _LAST_WALL:
        return wall * SECOND
    return zone.instant_of(wall) * SECOND
