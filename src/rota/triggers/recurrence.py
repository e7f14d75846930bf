"""The wall times of an RRULE of RFC 5545, expanded by python-dateutil a stretch at a time.

python-dateutil counts from DTSTART on, and cannot be stopped while it finds nothing. So each search
begins at the period in which it looks, in step with INTERVAL, and has an end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap, monthrange
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.triggers.day_rules import FIRST_YEAR, LAST_YEAR
from rota.triggers.fields import evenly
from rota.triggers.wall_times import DAY

if TYPE_CHECKING:
    from dateutil.rrule import rrule

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
"""In the order of their numbers in python-dateutil."""
DAILY, HOURLY = 3, 4

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock on the wall has no zone
_LAST = datetime(LAST_YEAR, 12, 31, 23, 59, 59)  # noqa: DTZ001
_LAST_DAY = (_LAST - _EPOCH).days
_SECONDS = (366 * DAY, 31 * DAY, 7 * DAY, DAY, 3600, 60, 1)
_LONGEST_GAP = 100 * 366
"""Days, times INTERVAL, in which a time of a rule by days or less is looked for: no day that is
named by its month, number and weekday is away for more than 40 years."""
_NEAR, _MOST_AT_ONCE = 40, 256


class RecurrenceRule(NamedTuple):
    """An RRULE with everything in it that it takes from DTSTART, and without COUNT and UNTIL."""

    freq: int  # in FREQUENCIES
    interval: int
    wkst: int
    parts: Mapping[str, Any]  # of python-dateutil's rrule


class Recurrence:
    """The wall times of a rule from `start` to `until`, with others and without some."""

    def __init__(
        self,
        rule: RecurrenceRule,
        start: int,
        until: int | None,
        others: Sequence[int],
        without: frozenset[int],
    ) -> None:
        self.rule = rule
        self.start = start
        self.until = until
        self.others = tuple(sorted(set(others) - without))
        self.without = without
        self._periods = _periods_of(rule)
        self._known: tuple[int, int, list[int]] = (1, 0, [])  # from, to, and all in between

    def next(self, wall: int) -> int | None:
        """Return the first wall time at or after `wall`."""
        found = self._rule_next(max(wall, self.start))
        while found in self.without:
            found = self._rule_next(found + 1)
        index = bisect_left(self.others, wall)
        other = self.others[index] if index < len(self.others) else None
        return min((one for one in (found, other) if one is not None), default=None)

    def prev(self, wall: int) -> int | None:
        """Return the last wall time at or before `wall`."""
        found = self._rule_prev(wall)
        while found in self.without:
            found = self._rule_prev(found - 1)
        index = bisect_right(self.others, wall)
        other = self.others[index - 1] if index else None
        return max((one for one in (found, other) if one is not None), default=None)

    def nth(self, count: int) -> int | None:
        """Return the `count`-th wall time of the rule alone, None if there are fewer."""
        wall = self.start - 1
        for _ in range(count):
            found = self._rule_next(wall + 1)
            if found is None:
                return None
            wall = found
        return wall

    def _rule_next(self, wall: int) -> int | None:
        if self.until is not None and wall > self.until:
            return None
        begin, end, walls = self._known
        if not begin <= wall <= end:
            walls = self._search(wall)
            if not walls:
                return None
        found = walls[bisect_left(walls, wall)]
        return found if self.until is None or found <= self.until else None

    def _search(self, wall: int) -> list[int]:
        """Return the next wall times from `wall` on, a stretch of them; note them."""
        day = self._day(wall // DAY, 1)
        if day is None:
            return []
        near, walls = _NEAR * _SECONDS[self.rule.freq] * self.rule.interval, list[int]()
        for one in made(self.rule, self._anchor(max(wall, day * DAY))):
            found = _wall(one)
            if found >= wall:
                walls.append(found)
                if len(walls) == _MOST_AT_ONCE or found > walls[0] + near:
                    break
        if walls:
            self._known = (wall, walls[-1], walls)
        return walls

    def _rule_prev(self, wall: int) -> int | None:
        end = (wall if self.until is None else min(wall, self.until)) + 1
        while end > self.start:
            day = self._day((end - 1) // DAY, -1)
            if day is None:
                return None
            end, lowest = min(end, (day + 1) * DAY), max(day * DAY, self.start)
            if self.rule.freq < DAILY:
                lowest = self.start
            periods = 1
            while end > lowest:
                last = self._anchor(end - 1)
                anchor = self._anchor(max(_wall(_shifted(self.rule, last, 1 - periods)), lowest))
                until = datetime_of(end - 1)
                found = [
                    one
                    for one in map(_wall, made(self.rule, anchor, until))
                    if self.start <= one < end
                ]
                if found:
                    return found[-1]
                end, periods = min(_wall(anchor), end - 1), min(periods * 2, 4096)
        return None

    def _day(self, day: int, step: int) -> int | None:
        """Return the first day from `day` on, or back, on which the rule may name a time: of a rule
        by days or less, only those on which it does."""
        rule = self.rule
        if rule.freq < DAILY:
            return day
        for one in range(day, day + step * _LONGEST_GAP * rule.interval, step):
            if not 0 <= one <= _LAST_DAY or (step < 0 and one < self.start // DAY):
                return None
            if _fits(rule.parts, one) and self._is_in_step(one):
                return one
        return None

    def _is_in_step(self, day: int) -> bool:
        """Return whether INTERVAL leaves a time of the day."""
        freq, interval = self.rule.freq, self.rule.interval
        if interval == 1:
            return True
        size = DAY // _SECONDS[freq]  # periods of a day
        first = self.start // _SECONDS[freq]
        begin = (first - day * size) % interval
        return begin < size and bool(self._periods & evenly(begin, size - 1, interval))

    def _anchor(self, wall: int) -> datetime:
        """Return the begin of the period that is in step with DTSTART and lies at or before `wall`,
        that of DTSTART at the earliest."""
        first, at = datetime_of(self.start), datetime_of(max(wall, self.start))
        begin = _begin(self.rule, first)
        steps = (_index(self.rule, at) - _index(self.rule, first)) // self.rule.interval
        return _shifted(self.rule, begin, steps)


def made(rule: RecurrenceRule, anchor: datetime, until: datetime | None = None) -> rrule:
    """Return python-dateutil's rule from a period's begin on; raises ValueError if it names
    nothing. It looks `until` its first time that is later, however late that is."""
    from dateutil.rrule import rrule

    return rrule(
        rule.freq,
        dtstart=anchor,
        until=until,
        interval=rule.interval,
        wkst=rule.wkst,
        **rule.parts,
    )


def can_name(rule: RecurrenceRule) -> bool:
    """Return whether BYSETPOS leaves any time of a rule by weeks or less."""
    times, parts = 1, rule.parts
    for level, name in ((4, "byhour"), (5, "byminute"), (6, "bysecond")):
        times *= len(set(parts[name])) if rule.freq < level else 1
    times *= len(parts["byweekday"]) if rule.freq == DAILY - 1 else 1
    return rule.freq < DAILY - 1 or any(abs(one) <= times for one in parts.get("bysetpos", (1,)))


def _periods_of(rule: RecurrenceRule) -> int:
    """Return a bit for each hour, minute or second of a day that a rule may name; one for DAILY."""
    found = 1
    for level, name, size in ((4, "byhour", 24), (5, "byminute", 60), (6, "bysecond", 60)):
        if rule.freq >= level:
            values = set(rule.parts.get(name, range(size)))
            bits = sum(1 << value for value in values)
            found = sum(bits << size * one for one in range(found.bit_length()) if found >> one & 1)
    return found


def _fits(parts: Mapping[str, Any], day: int) -> bool:
    """Return whether a day is one that its month, number and weekday leave."""
    date = _EPOCH.date() + timedelta(day)
    if "bymonth" in parts and date.month not in parts["bymonth"]:
        return False
    if "byweekday" in parts and all(one.weekday != date.weekday() for one in parts["byweekday"]):
        return False
    if "bymonthday" in parts:
        length = monthrange(date.year, date.month)[1]
        if {date.day, date.day - length - 1}.isdisjoint(parts["bymonthday"]):
            return False
    if "byyearday" in parts:
        number, length = date.timetuple().tm_yday, 365 + isleap(date.year)
        if {number, number - length - 1}.isdisjoint(parts["byyearday"]):
            return False
    return True


def _begin(rule: RecurrenceRule, at: datetime) -> datetime:
    """Return the begin of the period of a moment."""
    match rule.freq:
        case 0:
            return at.replace(month=1, day=1, hour=0, minute=0, second=0)
        case 1:
            return at.replace(day=1, hour=0, minute=0, second=0)
        case 2:
            midnight = at.replace(hour=0, minute=0, second=0)
            return midnight - timedelta((at.weekday() - rule.wkst) % 7)
        case 3:
            return at.replace(hour=0, minute=0, second=0)
        case 4:
            return at.replace(minute=0, second=0)
        case 5:
            return at.replace(second=0)
    return at


def _index(rule: RecurrenceRule, at: datetime) -> int:
    """Return the number of the period of a moment."""
    if rule.freq == 0:
        return at.year
    if rule.freq == 1:
        return at.year * 12 + at.month
    return _wall(_begin(rule, at)) // _SECONDS[rule.freq]


def _shifted(rule: RecurrenceRule, begin: datetime, steps: int) -> datetime:
    """Return the begin of the period that comes so many steps of INTERVAL later; at most the end of
    the calendar, at least its begin."""
    count = steps * rule.interval
    try:
        if rule.freq == 0:
            return begin.replace(year=begin.year + count)
        if rule.freq == 1:
            month = begin.year * 12 + begin.month - 1 + count
            return begin.replace(year=month // 12, month=month % 12 + 1)
        return begin + timedelta(seconds=count * _SECONDS[rule.freq])
    except (ValueError, OverflowError):
        return _LAST if steps > 0 else _EPOCH.replace(year=FIRST_YEAR)


def _wall(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=1)


def datetime_of(wall: int) -> datetime:
    """Return a wall time as a naive datetime, at most the last one."""
    return _EPOCH + timedelta(seconds=min(wall, (_LAST - _EPOCH) // timedelta(seconds=1)))
