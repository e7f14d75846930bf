"""Random cron rules, each written twice: as text, and as what it means."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from zoneinfo import available_timezones

from hypothesis import strategies as st

from tests.property.triggers.reference import Rule

ZONES = sorted(name for name in available_timezones() if name != "localtime")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")

Term = tuple[str, frozenset[int], bool]
"""A text, its numbers, and whether it has a `*` or a step."""
Days = Callable[[date], bool]


@st.composite
def terms(draw: st.DrawFn, low: int, high: int, *, steps: bool = True) -> Term:
    shape = draw(st.sampled_from(["value", "range", "*"] + ["*/n", "a-b/n", "a/n"] * steps))
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    match shape:
        case "value":
            return str(first), frozenset([first]), False
        case "range":
            return f"{first}-{last}", frozenset(range(first, last + 1)), False
        case "*":
            return "*", frozenset(range(low, high + 1)), True
        case "*/n":
            step = draw(st.integers(1, high - low))
            return f"*/{step}", frozenset(range(low, high + 1, step)), True
    if shape == "a/n":
        first, last = min(first, high - 1), high
        text = str(first)
    else:
        first, last = min(first, high - 1), max(last, min(first, high - 1) + 1)
        text = f"{first}-{last}"
    step = draw(st.integers(1, last - first))
    return f"{text}/{step}", frozenset(range(first, last + 1, step)), True


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, *, steps: bool = True) -> Term:
    parts = draw(st.lists(terms(low, high, steps=steps), min_size=1, max_size=3))
    return (
        ",".join(text for text, _, _ in parts),
        frozenset().union(*(numbers for _, numbers, _ in parts)),
        any(repeats for _, _, repeats in parts),
    )


def nth_weekday(nth: int, weekday: int) -> Days:
    def fits(day: date) -> bool:
        if day.weekday() != weekday:
            return False
        if nth == 6:
            return day.day + 7 > monthrange(day.year, day.month)[1]
        return (day.day - 1) // 7 + 1 == nth

    return fits


def last_day(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


@st.composite
def day_terms(draw: st.DrawFn) -> tuple[dict[str, object], Days]:
    """Arguments for the day, and what they mean together."""
    kind = draw(st.sampled_from(["none", "none", "weekday", "day", "last", "nth", "month", "week"]))
    match kind:
        case "weekday":
            text, numbers, _ = draw(fields(0, 6))
            return {"day_of_week": text}, lambda day: day.weekday() in numbers
        case "day":
            text, numbers, _ = draw(fields(1, 31))
            return {"day": text}, lambda day: day.day in numbers
        case "last":
            return {"day": "last"}, last_day
        case "nth":
            nth, weekday = draw(st.integers(1, 6)), draw(st.integers(0, 6))
            text = f"{ORDINALS[nth - 1]} {WEEKDAYS[weekday]}"
            return {"day": text}, nth_weekday(nth, weekday)
        case "month":
            text, numbers, _ = draw(fields(1, 12))
            return {"month": text, "day": "*"}, lambda day: day.month in numbers
        case "week":
            text, numbers, _ = draw(fields(1, 53))
            return {"week": text}, lambda day: day.isocalendar().week in numbers
    return {}, lambda _: True


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Keyword rules down to the minute."""
    args, day = draw(day_terms())
    hour, hours, hour_repeats = draw(fields(0, 23))
    minute, minutes, minute_repeats = draw(fields(0, 59))
    args |= {"hour": hour, "minute": minute}
    return Rule(args, day, hours, minutes, hour_repeats or minute_repeats)
