"""One field of a cron rule: its text read into a set of numbers, held as bits of an int.

The grammar is what APScheduler's keyword fields and crontab(5) share: lists of `*`, `a`, `a-b`,
each perhaps with a step `/n`. A `Kind` holds what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rota.errors import nearest
from rota.triggers.day_rules import (
    BUSINESS,
    FIRST_YEAR,
    LAST_BUSINESS,
    LAST_DAY,
    LAST_POSITION,
    LAST_YEAR,
    MOST_BUSINESS,
    position,
)
from rota.triggers.trigger_errors import LONGEST, quoted, refuse

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")

_TERM = re.compile(r"(\*|[a-z]+|[0-9]+)(?:-([a-z]+|[0-9]+))?(?:/([0-9]+))?")
_POSITION = re.compile(r"([a-z0-9]+) +([a-z0-9]+)")
_BLANKS = " \t\r\n"


class Field(NamedTuple):
    """The numbers of a field (bit n = n); `repeats` when a `*` or a step stood in its text."""

    values: int
    repeats: bool


class FieldMistake(Exception):
    """Why a field's text is not understood, and what to write; becomes a TriggerError."""

    def __init__(self, why: str, remedy: str = "") -> None:
        self.why = why
        self.remedy = remedy
        super().__init__(why)


def evenly(first: int, last: int, step: int) -> int:
    """Set every `step`-th bit from `first` to `last`."""
    count = (last - first) // step + 1
    # (2^(step*count) - 1) / (2^step - 1) is 1 + 2^step + 2^(2*step) + …, without a loop.
    return ((1 << step * count) - 1) // ((1 << step) - 1) << first


@dataclass(frozen=True, slots=True, eq=False)
class FieldKind:
    """A field's bounds, the names of its numbers, and the words that only it understands."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    special: Callable[[str], int | None] = lambda _: None
    """The bit of a term outside the grammar, such as `last`; None when it is none."""
    crontab: bool = False
    """Names mix with numbers and steps, and a step may be as long as the range: crontab(5)."""

    everything: Field = field(init=False)
    """What a field that is not given says: `*`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "everything", Field(evenly(self.low, self.high, 1), True))


def read_keyword(kind: FieldKind, value: object) -> Field:
    """Return the set of a keyword field, an int or a text in APScheduler's syntax.

    Raises TriggerError for anything else, even if APScheduler would read a part of it.
    """
    if isinstance(value, str):
        text = str.__str__(value)  # of an enum of texts the text, not the name
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(int(value)) if abs(value) < 10_000 else "10000"
    else:
        raise refuse(kind.name, value, "neither a number nor a text", _say_range(kind))
    try:
        return read(kind, text)
    except FieldMistake as mistake:
        raise refuse(kind.name, value, mistake.why, mistake.remedy) from None


@lru_cache(maxsize=4096)
def read(kind: FieldKind, text: str) -> Field:
    """Return the set that `text` names; raises FieldMistake."""
    if len(text) > LONGEST:
        raise FieldMistake(f"longer than {LONGEST} characters")
    lowered = text.strip(_BLANKS).lower()
    if not lowered.isascii():
        raise FieldMistake("written with letters or digits that are not ASCII", _say_range(kind))
    values, repeats = 0, False
    for term in lowered.split(","):
        found = _read_term(kind, term.strip(" "))
        values |= found.values
        repeats |= found.repeats
    return Field(values, repeats)


def _read_term(kind: FieldKind, term: str) -> Field:
    special = kind.special(term)
    if special is not None:
        return Field(1 << special, False)
    found = _TERM.fullmatch(term)
    if found is None:
        raise _not_understood(kind, term)
    first_text, last_text, step_text = found.groups()
    if first_text == "*" and last_text is not None:
        raise FieldMistake(f"'*' in {quoted(term)} is no start of a range", _say_range(kind))
    if not kind.crontab:
        _check_names(first_text, last_text, step_text)
    first = kind.low if first_text == "*" else number_of(kind, first_text)
    if last_text is not None:
        last = number_of(kind, last_text)
    else:
        last = kind.high if first_text == "*" or step_text else first
    if first > last:
        raise FieldMistake(
            f"{quoted(term)} runs backwards", f"Write {_unwrapped(kind, found.groups())!r}."
        )
    step = _step(kind, term, step_text, last - first) if step_text else 1
    return Field(evenly(first, last, step), first_text == "*" or step_text is not None)


def _check_names(first: str, last: str | None, step: str | None) -> None:
    """Refuse what APScheduler reads only the beginning of."""
    named = [part.isalpha() for part in (first, last) if part is not None]
    if any(named) and (step or not all(named)):
        raise FieldMistake(
            "a name goes with neither a step nor a number", "Write it with numbers alone."
        )


def number_of(kind: FieldKind, text: str) -> int:
    """Return the number that a name or digits mean; raises FieldMistake."""
    if text.isalpha():
        if text not in kind.names:
            raise FieldMistake(
                f"{quoted(text)} is no name of this field", _nearest_name(kind, text)
            )
        return kind.names[text]
    digits = text.lstrip("0") or "0"
    number = int(digits) if len(digits) <= 4 else LAST_YEAR + 1
    if not kind.low <= number <= kind.high:
        raise FieldMistake(f"{quoted(text)} is not in {kind.low}-{kind.high}", _say_range(kind))
    return number


def _step(kind: FieldKind, term: str, text: str, distance: int) -> int:
    digits = text.lstrip("0")
    if not digits:
        raise FieldMistake(f"the step in {quoted(term)} is 0", "Write a step of 1 or more.")
    longest = distance + kind.crontab
    step = int(digits) if len(digits) <= 4 else LAST_YEAR + 1
    if step > longest:
        raise FieldMistake(
            f"the step in {quoted(term)} is longer than its range, so it would never be taken",
            f"Write a step of at most {longest}, or the interval trigger for a longer pause."
            if longest
            else "Leave the step out.",
        )
    return step


def _unwrapped(kind: FieldKind, groups: tuple[str | None, ...]) -> str:
    """Write a range that runs over the end as the two ranges that are meant."""
    first, last, step = groups
    high = kind.high - 1 if kind.crontab and kind.name == "day_of_week" else kind.high
    if first is not None and first.isalpha():
        high_text = next(name for name, number in kind.names.items() if number == high)
        low_text = next(name for name, number in kind.names.items() if number == kind.low)
    else:
        high_text, low_text = str(high), str(kind.low)
    head = first if first == high_text else f"{first}-{high_text}"
    tail = last if last == low_text else f"{low_text}-{last}"
    return f"{head}/{step},{tail}/{step}" if step else f"{head},{tail}"


def _not_understood(kind: FieldKind, term: str) -> FieldMistake:
    why = f"{quoted(term)} is not understood" if term else "a value is missing"
    if term == "?":
        return FieldMistake(why, "Write '*' for any value.")
    if "-" in term[1:] and " " in term:
        return FieldMistake(why, "Write a range without blanks, like '1-5'.")
    word = re.search(r"[a-z]+", term)
    return FieldMistake(why, _nearest_name(kind, word.group() if word else ""))


def _nearest_name(kind: FieldKind, text: str) -> str:
    suggestion = nearest(text, list(kind.names)) if text and kind.names else ""
    return suggestion if suggestion.startswith("Did") else _say_range(kind)


def _say_range(kind: FieldKind) -> str:
    names = ", ".join(dict.fromkeys(kind.names)) if len(kind.names) <= 12 else ""
    return (
        f"Write numbers from {kind.low} to {kind.high}"
        + (f" or {names}" if names else "")
        + f", like '{kind.low}', '{kind.low}-{kind.low + 4}', '*' or '*/2'."
    )


def _day_word(term: str) -> int | None:
    """Read `last` and `2nd fri`."""
    if term == "last":
        return LAST_DAY
    found = _POSITION.fullmatch(term)
    if found is None:
        return None
    ordinal, weekday = found.groups()
    if weekday == "business":
        return _business_day(ordinal)
    if ordinal not in ORDINALS:
        raise FieldMistake(f"{quoted(ordinal)} is no position", nearest(ordinal, ORDINALS))
    if weekday not in WEEKDAYS:
        raise FieldMistake(f"{quoted(weekday)} is no weekday", nearest(weekday, WEEKDAYS))
    nth = LAST_POSITION if ordinal == "last" else ORDINALS.index(ordinal) + 1
    return position(nth, WEEKDAYS.index(weekday))


def _business_day(ordinal: str) -> int:
    """Read the number before `business`: 1st to 23rd, or last."""
    if ordinal == "last":
        return LAST_BUSINESS
    found = re.fullmatch(r"([0-9]{1,2})(?:st|nd|rd|th)", ordinal)
    if found is None or not 1 <= int(found[1]) <= MOST_BUSINESS:
        remedy = f"Write '1st business' to '{MOST_BUSINESS}rd business', or 'last business'."
        raise FieldMistake(f"{quoted(ordinal)} is no position", remedy)
    return BUSINESS + int(found[1])


KEYWORDS = {
    kind.name: kind
    for kind in (
        FieldKind("year", FIRST_YEAR, LAST_YEAR),
        FieldKind("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
        FieldKind("day", 1, 31, special=_day_word),
        FieldKind("week", 1, 53),
        FieldKind("day_of_week", 0, 6, {name: number for number, name in enumerate(WEEKDAYS)}),
        FieldKind("hour", 0, 23),
        FieldKind("minute", 0, 59),
        FieldKind("second", 0, 59),
    )
}
"""APScheduler's fields, from the greatest to the least."""

LEAST = {
    name: Field(1 << KEYWORDS[name].low, False)
    for name in ("month", "day", "hour", "minute", "second")
}
"""What a field below the least one given starts at; `week` and `day_of_week` stay `*`."""
