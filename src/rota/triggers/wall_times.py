"""The wall-clock times that a cron rule names, without any time zone.

A wall time is a number: seconds since 1970-01-01 00:00:00 on the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial

from rota.triggers.day_rules import (
    FIRST_YEAR,
    LAST_YEAR,
    BusinessDays,
    DayRule,
    days_by_calendar,
    days_of,
    year_of,
)

DAY = 86_400
EVERY_YEAR = ((1 << LAST_YEAR - FIRST_YEAR + 1) - 1) << FIRST_YEAR
_EPOCH = date(FIRST_YEAR, 1, 1).toordinal()
_LAST = date(LAST_YEAR, 12, 31).toordinal()


_MOST_YEARS = 60
"""Years that a rule of business days is looked for in: there are no more tables than that."""


def _own_year(year: int) -> tuple[int, int]:
    """Return the ordinal of 1 January of `year`, and the year: no other one has its holidays."""
    return date(year, 1, 1).toordinal(), year


def _low(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


class Pattern:
    """A set of years, a rule of days, and sets of hours, minutes and seconds (bit n = value n).

    Make it with `pattern`, so that equal rules are one object.
    """

    __slots__ = (
        *("_days_of", "_first", "_last", "_most_years", "_year_of"),
        *("calendar", "hours", "minutes", "rule", "seconds", "years"),
    )

    def __init__(
        self,
        years: int,
        rule: DayRule,
        hours: int,
        minutes: int,
        seconds: int,
        calendar: BusinessDays | None = None,
    ) -> None:
        self.calendar = calendar
        self._days_of: Callable[[DayRule, int], int] = days_of
        self._year_of: Callable[[int], tuple[int, int]] = year_of
        self._most_years = LAST_YEAR
        if calendar is not None:
            self._days_of = partial(days_by_calendar, calendar)
            self._year_of, self._most_years = _own_year, _MOST_YEARS
        self.years = years
        self.rule = rule
        self.hours = hours
        self.minutes = minutes
        self.seconds = seconds
        self._first = _low(hours) * 3600 + _low(minutes) * 60 + _low(seconds)
        self._last = (
            (hours.bit_length() - 1) * 3600
            + (minutes.bit_length() - 1) * 60
            + seconds.bit_length()
            - 1
        )

    def next(self, wall: int) -> int | None:
        """Return the first wall time of the pattern at or after `wall`, None past year 9999."""
        if wall < 0:
            wall = 0
        day, second = divmod(wall, DAY)
        found = self._day_from(day)
        if found is None:
            return None
        if found == day:
            time = self._time_from(second)
            if time is not None:
                return day * DAY + time
            found = self._day_from(day + 1)
        return None if found is None else found * DAY + self._first

    def prev(self, wall: int) -> int | None:
        """Return the last wall time of the pattern at or before `wall`, None before 1970."""
        day, second = divmod(wall, DAY)
        found = self._day_until(day)
        if found is None:
            return None
        if found == day:
            time = self._time_until(second)
            if time is not None:
                return day * DAY + time
            found = self._day_until(day - 1)
        return None if found is None else found * DAY + self._last

    def _day_from(self, day: int) -> int | None:
        ordinal = day + _EPOCH
        if ordinal > _LAST:
            return None
        year = begin = date.fromordinal(ordinal).year
        while True:
            first, twin = self._year_of(year)
            if self.years >> year & 1:
                days = self._days_of(self.rule, twin) >> max(ordinal - first, 0)
                if days:
                    return max(ordinal, first) + _low(days) - _EPOCH
            later = self.years >> year + 1
            if not later or year - begin > self._most_years:
                return None
            year += 1 + _low(later)

    def _day_until(self, day: int) -> int | None:
        if day < 0:
            return None
        ordinal = min(day + _EPOCH, _LAST)
        year = begin = date.fromordinal(ordinal).year
        while True:
            first, twin = self._year_of(year)
            if self.years >> year & 1:
                days = self._days_of(self.rule, twin) & ((2 << ordinal - first) - 1)
                if days:
                    return first + days.bit_length() - 1 - _EPOCH
            earlier = self.years & ((1 << year) - 1)
            if not earlier or begin - year > self._most_years:
                return None
            year = earlier.bit_length() - 1
            ordinal = date(year, 12, 31).toordinal()

    def _time_from(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1:
                later = self.seconds >> second
                if later:
                    return hour * 3600 + minute * 60 + second + _low(later)
            later = self.minutes >> minute + 1
            if later:
                return hour * 3600 + (minute + 1 + _low(later)) * 60 + _low(self.seconds)
        later = self.hours >> hour + 1
        if not later:
            return None
        return (hour + 1 + _low(later)) * 3600 + self._first % 3600

    def _time_until(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1:
                earlier = self.seconds & ((2 << second) - 1)
                if earlier:
                    return hour * 3600 + minute * 60 + earlier.bit_length() - 1
            earlier = self.minutes & ((1 << minute) - 1)
            if earlier:
                return hour * 3600 + (earlier.bit_length() - 1) * 60 + self._last % 60
        earlier = self.hours & ((1 << hour) - 1)
        if not earlier:
            return None
        return (earlier.bit_length() - 1) * 3600 + self._last % 3600


@lru_cache(maxsize=8192)
def pattern(
    years: int,
    rule: DayRule,
    hours: int,
    minutes: int,
    seconds: int,
    calendar: BusinessDays | None = None,
) -> Pattern:
    """Return the one `Pattern` of these sets; none of them may be empty. `calendar` is that of the
    business days in the rule, None if there are none."""
    return Pattern(years, rule, hours, minutes, seconds, calendar)


@lru_cache(maxsize=4096)
def names_a_day(years: int, rule: DayRule, calendar: BusinessDays | None = None) -> bool:
    """Return whether any day from 1970 to 9999 is named at all: 30 February is not."""
    return Pattern(years, rule, 1, 1, 1, calendar).next(0) is not None
