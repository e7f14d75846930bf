"""Describes wall-clock times in words: completely, and never more simply than is true.

The words are made from the sets that really run, not from the text, so `0-59/15` and `*/15` read
the same. If no natural phrase fits, the fields are listed one by one.
"""

from __future__ import annotations

from itertools import pairwise

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
    LAST_POSITION,
    LAST_WORKDAY,
    LAST_YEAR,
    MOST_BUSINESS,
    NEAREST_WORKDAY,
    DayRule,
    bits,
    position,
)
from rota.triggers.fields import ORDINALS
from rota.triggers.wall_times import EVERY_YEAR, Pattern
from rota.triggers.words import join, runs_in_words, units

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WORKDAYS = 0b11111
_POSITIONS = {
    position(nth, weekday): f"{ORDINALS[nth - 1]} {name}"
    for nth in range(1, LAST_POSITION + 1)
    for weekday, name in enumerate(_WEEKDAYS)
}
_MOST_CLOCK_TIMES = 6
_MOST_YEARS = 12


def pattern_in_words(wanted: Pattern) -> str:
    """Describe times, all of them."""
    days = _days(wanted.rule)
    if wanted.years != EVERY_YEAR:
        days = f"{days} in {_years(wanted.years)}"
    rhythm = _rhythm(wanted)
    if rhythm is None:
        return f"{days} at {_clock_times(wanted)}"
    return rhythm if days == "every day" else f"{rhythm}, {days}"


# --- times of the day ---------------------------------------------------------------------------


def _rhythm(wanted: Pattern) -> str | None:
    """Return "every 15 minutes …" or a list of fields; None if a few clock times describe it."""
    hours, minutes, seconds = (bits(m) for m in (wanted.hours, wanted.minutes, wanted.seconds))
    even = _even(hours, minutes, seconds)
    if even is not None:
        return even
    if len(hours) * len(minutes) * len(seconds) <= _MOST_CLOCK_TIMES:
        return None
    return _listed(hours, minutes, seconds)


def _even(hours: list[int], minutes: list[int], seconds: list[int]) -> str | None:
    """Return the text for a rhythm that is even from its first to its last time of a day."""
    first = (hours[0], minutes[0], seconds[0])
    last = (hours[-1], minutes[-1], seconds[-1])
    if len(minutes) == len(seconds) == 1:
        step = _step(hours)
        if step is None or (len(hours) < 3 and 24 // step != len(hours)):
            return None
        whole = 24 // step == len(hours) and 24 % step == 0
        if whole and step == 1 and minutes[0] and not seconds[0]:
            return f"at minute {minutes[0]} of every hour"
        return f"every {units(step, 'hour')}" + _from_to(first, last, whole)
    if _step(hours) != 1 and len(hours) != 1:
        return None
    if len(seconds) == 1:
        return _fill(minutes, "minute", len(hours) == 24, first, last)
    if len(minutes) == 60:
        return _fill(seconds, "second", len(hours) == 24, first, last)
    return None


Clock = tuple[int, int, int]


def _fill(values: list[int], unit: str, whole: bool, first: Clock, last: Clock) -> str | None:
    """Return the text for values that divide their hour or minute evenly, so that the rhythm
    continues over it.
    """
    step = _step(values)
    if step is None or step * len(values) != 60:
        return None
    return f"every {units(step, unit)}" + _from_to(first, last, whole)


def _from_to(first: Clock, last: Clock, whole: bool) -> str:
    if whole and first == (0, 0, 0):
        return ""
    return f" from {_clock(first)} to {_clock(last)}"


def _step(values: list[int]) -> int | None:
    """Return the distance of values that are evenly apart."""
    steps = {later - earlier for earlier, later in pairwise(values)}
    return steps.pop() if len(steps) == 1 else None


def _clock(time: Clock) -> str:
    hour, minute, second = time
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def _clock_times(wanted: Pattern) -> str:
    return join(
        [
            _clock((hour, minute, second))
            for hour in bits(wanted.hours)
            for minute in bits(wanted.minutes)
            for second in bits(wanted.seconds)
        ]
    )


def _listed(hours: list[int], minutes: list[int], seconds: list[int]) -> str:
    """Return a text that names every field: complete, if no shorter text is certain."""
    parts = [] if seconds == [0] else [_field("second", seconds, 60)]
    parts += [_field("minute", minutes, 60), _field("hour", hours, 24)]
    return "at " + " of ".join(parts)


def _field(unit: str, values: list[int], size: int) -> str:
    if len(values) == size:
        return f"every {unit}"
    return f"{unit}{'s' if len(values) > 1 else ''} {join(runs_in_words(values, str))}"


# --- days ---------------------------------------------------------------------------------------


def _days(rule: DayRule) -> str:
    months = "" if rule.months == ALL_MONTHS else join(runs_in_words(bits(rule.months), _month))
    dates, weekdays = rule.days != ALL_DAYS, rule.weekdays != ALL_WEEKDAYS
    if dates and weekdays and not rule.either:
        words = f"{_dates(rule.days, months)} if it is {_condition(rule.weekdays)}"
    elif dates and weekdays:
        words = f"{_dates(rule.days, months)} and {_weekdays(rule.weekdays, months)}"
    elif dates and not rule.either:
        words = _dates(rule.days, months)
    elif weekdays and not rule.either:
        words = _weekdays(rule.weekdays, months)
    else:  # nothing restricts the days, or one side of an OR names them all
        words = "every day" + (f" in {months}" if months else "")
    if rule.weeks != ALL_WEEKS:
        weeks = bits(rule.weeks)
        words += f" in ISO week{'s' if len(weeks) > 1 else ''} {join(runs_in_words(weeks, str))}"
    return words


def _month(number: int) -> str:
    return _MONTHS[number - 1]


def _dates(days: int, months: str) -> str:
    names = runs_in_words(bits(days & ALL_DAYS), _ordinal)
    if days >> LAST_DAY & 1:
        names.append("last day")
    if days >> LAST_WORKDAY & 1:
        names.append("last workday (Monday to Friday)")
    names += [
        f"weekday nearest to the {_ordinal(n)}"
        for n in range(1, 32)
        if days >> NEAREST_WORKDAY + n & 1
    ]
    names += [
        f"{_ordinal(n)} day before the last day"
        for n in range(1, 31)
        if days >> BEFORE_LAST + n & 1
    ]
    names += [name for bit, name in _POSITIONS.items() if days >> bit & 1]
    names += [
        f"{_ordinal(n)} business day"
        for n in range(1, MOST_BUSINESS + 1)
        if days >> BUSINESS + n & 1
    ]
    if days >> LAST_BUSINESS & 1:
        names.append("last business day")
    return f"on the {join(names)} of {months or 'every month'}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 11 <= number <= 13 else ending}"


def _weekdays(weekdays: int, months: str) -> str:
    plain = weekdays & ALL_WEEKDAYS
    parts = []
    if plain == ALL_WEEKDAYS:
        parts.append("every day" + (f" in {months}" if months else ""))
    elif plain:
        names = "weekday" if plain == _WORKDAYS else join(runs_in_words(bits(plain), _weekday))
        parts.append(f"every {names}" + (f" in {months}" if months else ""))
    if weekdays != plain:
        parts.append(_dates(weekdays & ~ALL_WEEKDAYS, months))
    return " and ".join(parts)


def _weekday(number: int) -> str:
    return _WEEKDAYS[number]


def _condition(weekdays: int) -> str:
    plain = weekdays & ALL_WEEKDAYS
    names = ["a weekday"] if plain == _WORKDAYS else [f"a {_weekday(day)}" for day in bits(plain)]
    names += [f"the {name} of the month" for bit, name in _POSITIONS.items() if weekdays >> bit & 1]
    return join(names, "or")


def _years(years: int) -> str:
    numbers = bits(years)
    names = runs_in_words(numbers, str)
    if len(names) <= _MOST_YEARS:
        return join(names)
    step = _step(numbers)
    if step is None:
        return f"the years {','.join(name.replace(' to ', '-') for name in names)}"
    whole = numbers[0] == FIRST_YEAR and numbers[-1] + step > LAST_YEAR
    return f"the years {'*' if whole else f'{numbers[0]}-{numbers[-1]}'}/{step}"


def repeats_by_words(wanted: Pattern) -> bool:
    """Return whether the words of these times mean that they follow the clock on the wall when that
    is changed: a rhythm, or every minute or hour."""
    rhythm = _rhythm(wanted)
    if rhythm is None:
        return False
    if rhythm.startswith("at "):
        return "every minute" in rhythm or "every hour" in rhythm
    return not rhythm.startswith("every hour from ")
