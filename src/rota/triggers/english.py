"""Reads the words that describe wall-clock times, and common short forms of them.

It reads exactly what `pattern_words` writes; letters may be small or capital.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.triggers.day_rules import (
    ALL_DAYS,
    ALL_MONTHS,
    ALL_WEEKDAYS,
    ALL_WEEKS,
    BEFORE_LAST,
    BUSINESS,
    FIRST_YEAR,
    LAST_BUSINESS,
    LAST_DAY,
    LAST_WORKDAY,
    LAST_YEAR,
    MOST_BUSINESS,
    NEAREST_WORKDAY,
    BusinessDays,
    DayRule,
    names_business_days,
    position,
)
from rota.triggers.fields import KEYWORDS, ORDINALS, FieldMistake, evenly, read
from rota.triggers.wall_times import EVERY_YEAR, Pattern, pattern

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_UNITS = {"week": 7 * DAY, "day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND}
_SPAN = re.compile(r"(?:([0-9]{1,12}(?:\.[0-9]{1,6})?) )?(week|day|hour|minute|second)s?")
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?(?::([0-9]{2}))?( ?[ap]m)?")
_RHYTHM = re.compile(
    r"every (?:([0-9]{1,2}) )?(hour|minute|second)s?(?: from ([0-9:]+) to ([0-9:]+))?"
)
_LISTED = re.compile(
    r"at (?:(every second|seconds? [0-9, andto]+) of )?(every minute|minutes? [0-9, andto]+)"
    r" of (every hour|hours? [0-9, andto]+)"
)
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")
_YEARS = re.compile(r"(.*) in (the years [0-9*/,-]+|[0-9]{4}[0-9, andto]*)")
_WEEKS = re.compile(r"(.*) in iso weeks? ([0-9, andto]+)")
_DATES = re.compile(r"on the (.+) of (every month|the month|[a-z, ]+)")
_EVERY = re.compile(r"every (.+?)(?: in ([a-z, ]+))?")


class Unread(Exception):
    """That a text is not understood, or why what it says is not possible."""


class Words(NamedTuple):
    """Times that were read, and whether the words mean those of a clock that is watched: see
    `Changes`."""

    pattern: Pattern
    repeats: bool


def read_span(text: str) -> Instant:
    """Read a duration, like "1 hour 30 minutes" or "week"; raises Unread."""
    found = list(_SPAN.finditer(text))
    if not found or " ".join(one[0] for one in found) != text:
        raise Unread
    total = 0
    for one in found:
        whole, _, fraction = (one[1] or "1").partition(".")
        unit = _UNITS[one[2]]
        total += int(whole) * unit + int(fraction.ljust(6, "0") or 0) * unit // 10**6
    return total


def read_times(text: str, calendar: BusinessDays | None = None) -> Words:
    """Read wall-clock times in small letters, like "every weekday at 09:00"; raises Unread.

    `calendar` is that of the business days in it.
    """
    found = _read_times(text)
    if not names_business_days(found.pattern.rule):
        return found
    if calendar is None:
        raise Unread("business days need a calendar; write calendar='…' as well")
    times = found.pattern
    own = (times.years, times.rule, times.hours, times.minutes, times.seconds)
    return found._replace(pattern=pattern(*own, calendar))


def _read_times(text: str) -> Words:
    rhythm, comma, days = text.partition(", every ")
    days = f"every {days}" if comma else ""
    if not comma:
        rhythm, comma, days = text.partition(", on the ")
        days = f"on the {days}" if comma else ""
    # A list of days has commas too, but none before "every" or "on the" of a rhythm's days.
    found = _rhythm(rhythm)
    if found is not None:
        rule, years = _days(days) if days else (DayRule(), EVERY_YEAR)
        hours, minutes, seconds, repeats = found
        return Words(pattern(years, rule, hours, minutes, seconds), repeats)
    days, at, clocks = text.rpartition(" at ")
    if not at:
        raise Unread
    rule, years = _days(days)
    return Words(_clock_times(years, rule, clocks), False)


def _clock_times(years: int, rule: DayRule, text: str) -> Pattern:
    times = [_clock(one) for one in _items(text)]
    hours, minutes, seconds = (frozenset(one[index] for one in times) for index in range(3))
    if len(set(times)) != len(hours) * len(minutes) * len(seconds):
        example = "any of several triggers, like of=[{'every': 'day at 09:00'}, …]"
        raise Unread(f"these times are no grid of hours and minutes; write {example}")
    return pattern(years, rule, *(sum(1 << n for n in one) for one in (hours, minutes, seconds)))


def _clock(text: str) -> tuple[int, int, int]:
    text = {"noon": "12:00", "midnight": "00:00"}.get(text, text)
    found = _CLOCK.fullmatch(text)
    if found is None or not (found[2] or found[4]):
        raise Unread
    hour, minute, second = (int(found[n] or 0) for n in (1, 2, 3))
    if found[4]:
        if not 1 <= hour <= 12:
            raise Unread
        hour = hour % 12 + (12 if "p" in found[4] else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Unread(f"{text} is no time of a day")
    return hour, minute, second


def _rhythm(text: str) -> tuple[int, int, int, bool] | None:
    """Return hours, minutes and seconds of an even rhythm or a list of fields, and whether it
    follows the clock on the wall; None for what is neither."""
    if found := _LISTED.fullmatch(text):
        seconds = 1 if found[1] is None else _field(found[1], 60)
        repeats = "every" in f"{found[2]} {found[3]}"
        return _field(found[3], 24), _field(found[2], 60), seconds, repeats
    found = _RHYTHM.fullmatch(text)
    if found is None:
        return None
    step, unit = int(found[1] or 1), found[2]
    whole = found[3] is None
    first = (0, 0, 0) if whole else _clock(found[3])
    last = (23, 59, 59) if whole else _clock(found[4])
    size = 24 if unit == "hour" else 60
    if not 1 <= step < size or first > last or (whole and size % step):
        raise Unread("a rhythm divides its hour or day evenly")
    if unit == "hour":
        hours = evenly(first[0], last[0], step)
        if not whole and (first[1:] != last[1:] or (last[0] - first[0]) % step):
            raise Unread("the last time is none of the rhythm")
        return hours, 1 << first[1], 1 << first[2], whole or step > 1
    if 60 % step:
        raise Unread("a rhythm divides its hour evenly")
    hours = evenly(first[0], last[0], 1)
    if unit == "minute":
        if first[1] >= step or (not whole and (last[1] != first[1] + 60 - step)):
            raise Unread("the first and the last time are none of the rhythm")
        return hours, evenly(first[1], 59, step), 1 << first[2], True
    if first[1] or (not whole and (last[1] != 59 or last[2] != first[2] + 60 - step)):
        raise Unread("the first and the last time are none of the rhythm")
    return hours, (1 << 60) - 1, evenly(first[2], 59, step), True


def _field(text: str, size: int) -> int:
    if text.startswith("every"):
        return (1 << size) - 1
    return _set(text.partition(" ")[2], int, range(size))


def _days(text: str) -> tuple[DayRule, int]:
    """Return the rule of days and the years of a text like "on the 1st of every month"."""
    years, weeks = EVERY_YEAR, ALL_WEEKS
    if found := _YEARS.fullmatch(text):
        text, years = found[1], _year_set(found[2])
    if found := _WEEKS.fullmatch(text):
        text, weeks = found[1], _set(found[2], int, range(1, 54))
    main, condition, wanted = text.partition(" if it is ")
    if condition:
        dates, months = _dates(main)
        bits = 0
        for one in _items(wanted, "or"):
            bits |= _condition(one)
        return DayRule(months, dates, weeks, bits), years
    dates = weekdays = 0
    months_of: set[int] = set()
    for part in re.split(r" and (?=every |on the )", text):
        if part.startswith("on the "):
            bits, months = _dates(part)
            dates |= bits
        else:
            bits, months = _weekdays(part)
            weekdays |= bits
        months_of.add(months)
    if len(months_of) != 1:
        raise Unread("all of its days are in the same months")
    months = months_of.pop()
    if not dates or weekdays == ALL_WEEKDAYS:
        return DayRule(months, ALL_DAYS, weeks, weekdays), years
    if not weekdays:
        return DayRule(months, dates, weeks), years
    return DayRule(months, dates, weeks, weekdays, either=True), years


def _dates(text: str) -> tuple[int, int]:
    found = _DATES.fullmatch(text)
    if found is None:
        raise Unread
    names = found[1].replace("last workday (monday to friday)", "last workday")
    names = names.replace("weekday nearest to the ", "nearest ").replace(" of the month", "")
    bits = 0
    for one in _items(names):
        first, to, last = one.partition(" to ")
        if to:
            bits |= evenly(_day(first), _ordered(_day(first), _day(last)), 1)
        else:
            bits |= 1 << _day(one)
    return bits, _months(found[2])


def _day(text: str) -> int:
    if found := _ORDINAL.fullmatch(text):
        return _within(int(found[1]), range(1, 32))
    if text.startswith("nearest ") and (found := _ORDINAL.fullmatch(text[8:])):
        return NEAREST_WORKDAY + _within(int(found[1]), range(1, 32))
    if text.endswith(" day before the last day"):
        found = _ORDINAL.fullmatch(text.partition(" ")[0])
        return BEFORE_LAST + _within(int(found[1]), range(1, 31)) if found else _unread()
    named = {"last day": LAST_DAY, "last workday": LAST_WORKDAY}.get(text)
    return _position(text) if named is None else named


def _position(text: str) -> int:
    ordinal, _, weekday = text.partition(" ")
    if weekday in ("business day", "business"):
        if ordinal == "last":
            return LAST_BUSINESS
        found = _ORDINAL.fullmatch(ordinal)
        return (
            BUSINESS + _within(int(found[1]), range(1, MOST_BUSINESS + 1)) if found else _unread()
        )
    if ordinal not in ORDINALS or weekday not in _WEEKDAYS:
        raise Unread
    return position(ORDINALS.index(ordinal) + 1, _WEEKDAYS.index(weekday))


def _weekdays(text: str) -> tuple[int, int]:
    found = _EVERY.fullmatch(text)
    if found is None:
        raise Unread
    months = _months(found[2] or "every month")
    named = {"day": ALL_WEEKDAYS, "weekday": 0b11111, "weekend": 0b1100000}.get(found[1])
    if named is None:
        named = _set(found[1], _WEEKDAYS.index, range(7))
    return named, months


def _condition(text: str) -> int:
    name = text.removeprefix("a ").removeprefix("the ").removesuffix(" of the month")
    if name == "weekday":
        return 0b11111
    return 1 << (_WEEKDAYS.index(name) if name in _WEEKDAYS else _position(name))


def _months(text: str) -> int:
    if text in ("every month", "the month"):
        return ALL_MONTHS
    return _set(text, lambda name: _MONTHS.index(name) + 1, range(1, 13))


def _year_set(text: str) -> int:
    if not text.startswith("the years "):
        return _set(text, int, range(FIRST_YEAR, LAST_YEAR + 1))
    bits = 0
    for term in text.removeprefix("the years ").split(","):
        try:
            bits |= read(KEYWORDS["year"], term).values
        except FieldMistake as mistake:
            raise Unread(mistake.why) from None
    return bits


def _set(text: str, number: Callable[[str], int], within: range) -> int:
    """Read a list of names, with "a to b" for all from one to another, as bits."""
    bits = 0
    for one in _items(text):
        first, to, last = one.partition(" to ")
        try:
            low = _within(number(first), within)
            high = _within(number(last), within) if to else low
        except ValueError:
            raise Unread from None
        bits |= evenly(low, _ordered(low, high), 1)
    return bits


def _items(text: str, word: str = "and") -> list[str]:
    return [one.strip() for one in re.split(rf", | {word} ", text)]


def _ordered(low: int, high: int) -> int:
    return high if low <= high else _unread("a range runs backwards")


def _within(number: int, within: range) -> int:
    return number if number in within else _unread(f"{number} is not possible there")


def _unread(why: str = "") -> NoReturn:
    raise Unread(why)
