"""Which days of a year a rule names, as one number with a bit for every day.

The days of two years differ only by the weekday of 1 January, by 29 February and, for the ISO week
of the first days, by the year before: 21 kinds of year in all. For each kind the tables below hold
one bitmask per month, day, ISO week and weekday; a rule is then a few ORs and ANDs, made once, and
"the next day" is the lowest bit.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

FIRST_YEAR = 1970
LAST_YEAR = 9999

LAST_DAY = 32
"""Bit of a day set: the last day of the month."""
LAST_WORKDAY = 33
"""Bit of a day set: the last Monday-to-Friday of the month."""
_POSITIONS = 40
LAST_POSITION = 6
NEAREST_WORKDAY = 100
"""Plus 1 to 31, bit of a day set: the Monday-to-Friday nearest to that day, in the same month."""
BEFORE_LAST = 140
"""Plus 1 to 30, bit of a day set: so many days before the last day of the month."""
BUSINESS = 180
"""Plus 1 to 23, bit of a day set: that business day of the month, by the calendar of the rule."""
LAST_BUSINESS = 204
"""Bit of a day set: the last business day of the month."""
MOST_BUSINESS = 23

ALL_MONTHS = ((1 << 12) - 1) << 1
ALL_DAYS = ((1 << 31) - 1) << 1
ALL_WEEKS = ((1 << 53) - 1) << 1
ALL_WEEKDAYS = (1 << 7) - 1


class DayRule(NamedTuple):
    """The sets of one rule: bit n of `months`, `days`, `weeks` (ISO), `weekdays` (0 = Monday).

    `days` and `weekdays` may also hold `LAST_DAY`, `LAST_WORKDAY` and `position` bits. `either`
    joins days and weekdays by OR, as crontab(5) does; else everything must hold.
    """

    months: int = ALL_MONTHS
    days: int = ALL_DAYS
    weeks: int = ALL_WEEKS
    weekdays: int = ALL_WEEKDAYS
    either: bool = False


def position(nth: int, weekday: int) -> int:
    """Return the bit of the `nth` (1-5, 6 = last) `weekday` (0 = Monday) of the month."""
    return _POSITIONS + 7 * (nth - 1) + weekday


def bits(mask: int) -> list[int]:
    """List the set bits of `mask`, lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


class BusinessDays(Protocol):
    """A calendar; days are counted from 1970-01-01, which is 0."""

    def __hash__(self) -> int:
        """Return the same number for the same calendar."""

    def business_days(self, first: int, last: int) -> list[int]:
        """List the business days from `first` to `last`."""


@lru_cache(maxsize=4096)
def days_of(rule: DayRule, year: int) -> int:
    """Return the days of `year` that `rule` names: bit 0 is 1 January.

    `year` is a `twin`, so the cache holds at most 21 masks for a rule.
    """
    return _chosen(rule, _tables(year))


def names_business_days(rule: DayRule) -> bool:
    """Return whether a rule needs a calendar."""
    return bool((rule.days | rule.weekdays) >> BUSINESS)


@lru_cache(maxsize=4096)
def days_by_calendar(calendar: BusinessDays, rule: DayRule, year: int) -> int:
    """Return the days of `year` that `rule` names: bit 0 is 1 January. It names business days."""
    tables = _tables(year_of(year)[1])
    days = dict(tables.days)
    first = date(year, 1, 1).toordinal() - date(FIRST_YEAR, 1, 1).toordinal()
    for month in range(1, 13):
        begin = date(year, month, 1).timetuple().tm_yday - 1
        end = begin + monthrange(year, month)[1]
        found = [one - first for one in calendar.business_days(first + begin, first + end - 1)]
        for number, index in enumerate(found, 1):
            days[BUSINESS + number] = days.get(BUSINESS + number, 0) | 1 << index
        if found:
            days[LAST_BUSINESS] = days.get(LAST_BUSINESS, 0) | 1 << found[-1]
    return _chosen(rule, tables._replace(days=days))


def _chosen(rule: DayRule, table: _Tables) -> int:
    days = _union(rule.days, table.days)
    weekdays = _union(rule.weekdays, table.weekdays)
    chosen = days | weekdays if rule.either else days & weekdays
    return chosen & _union(rule.months, table.months) & _union(rule.weeks, table.weeks)


@lru_cache(maxsize=1024)
def year_of(year: int) -> tuple[int, int]:
    """Return the ordinal of 1 January of `year`, and its twin."""
    return date(year, 1, 1).toordinal(), _twins()[_shape(year)]


class _Tables(NamedTuple):
    months: dict[int, int]
    days: dict[int, int]
    weeks: dict[int, int]
    weekdays: dict[int, int]


def _shape(year: int) -> tuple[int, bool, bool]:
    return date(year, 1, 1).weekday(), isleap(year), isleap(year - 1)


@cache
def _twins() -> dict[tuple[int, bool, bool], int]:
    """The calendar repeats after 400 years, so these have every kind."""
    twins: dict[tuple[int, bool, bool], int] = {}
    for year in range(2000, 2400):
        twins.setdefault(_shape(year), year)
    return twins


@cache
def _tables(year: int) -> _Tables:
    tables = _Tables({}, {}, {}, {})
    for index in range(365 + isleap(year)):
        day = date(year, 1, 1) + timedelta(index)
        length = monthrange(year, day.month)[1]
        named_days = [day.day, *_names_of(day, length)]
        for table, keys in zip(
            tables,
            ([day.month], named_days, [day.isocalendar().week], [day.weekday(), *named_days[1:]]),
            strict=True,
        ):
            for key in keys:
                table[key] = table.get(key, 0) | 1 << index
    return tables


def _names_of(day: date, length: int) -> list[int]:
    """Return the bits, in addition to its number, that mean `day` in its month of `length` days."""
    weekday = day.weekday()
    names = [position((day.day + 6) // 7, weekday)]
    if day.day + 7 > length:
        names.append(position(LAST_POSITION, weekday))
    if day.day == length:
        names.append(LAST_DAY)
    else:
        names.append(BEFORE_LAST + length - day.day)
    names += [NEAREST_WORKDAY + number for number in _nearest_to(day, length)]
    # Friday is the last workday also when only the weekend is left of the month.
    if weekday < 5 and (day.day == length or (weekday == 4 and day.day + 3 > length)):
        names.append(LAST_WORKDAY)
    return names


def _nearest_to(day: date, length: int) -> list[int]:
    """Return the days of its month of which `day` is the nearest Monday-to-Friday."""
    weekday, number = day.weekday(), day.day
    if weekday > 4:
        return []
    found = [number]
    if weekday == 0:  # of the Sunday before, and of a Saturday that is the 1st
        found += [number - 1] if number > 1 else []
        found += [1] if number == 3 else []
    if weekday == 4:  # of the Saturday after, and of a Sunday that is the last day
        found += [number + 1] if number < length else []
        found += [length] if number == length - 2 else []
    return found


def _union(mask: int, table: dict[int, int]) -> int:
    days = 0
    for bit in bits(mask):
        days |= table.get(bit, 0)
    return days
