"""The days of a calendar: which are business days, and why the others are none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from rota.errors import TriggerError, nearest
from rota.triggers.calendars import sources
from rota.triggers.trigger_errors import refuse

Definition = Mapping[str, Any]
"""What the configuration says of a calendar, with its own name and those in `plus` defined."""

KEYS = ("country", "subdivision", "market", "ics", "dates", "weekend", "plus")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_USUAL = frozenset((5, 6))
_MOST_YEARS = 400
_DEEPEST = 5
_MOST_PLUS = 50

FIRST_DAY = date(1970, 1, 1).toordinal()
_LAST_ORDINAL = date(9999, 12, 31).toordinal()


class Calendar:
    """The holidays and the weekend of one calendar. Days are counted from 1970-01-01, which is 0.

    Make it with `calendar_of`, so that equal calendars are one object.
    """

    def __init__(
        self,
        name: str,
        holidays: tuple[sources.Year, ...],
        weekend: frozenset[int],
        workdays: tuple[Callable[[date], bool], ...] = (),
        names_weekend: bool = False,
    ) -> None:
        self.name = name
        self.weekend = weekend
        self.names_weekend = names_weekend
        """Whether its configuration names the weekend, and not only its country."""
        self._holidays = holidays
        self._workdays = workdays
        self._years: dict[int, dict[int, str]] = {}

    def holiday(self, day: int) -> str | None:
        """Return the name of the holiday that a day is; None if it is none."""
        if not 0 < day + FIRST_DAY <= _LAST_ORDINAL:
            return None
        year = date.fromordinal(day + FIRST_DAY).year
        found = self._years.get(year)
        if found is None:
            if len(self._years) >= _MOST_YEARS:
                self._years.clear()
            found = self._years[year] = self._read(year)
        return found.get(day)

    def is_weekend(self, day: int) -> bool:
        """Return whether a day is of the weekend, and not one of its days that are worked on."""
        if (day + 3) % 7 not in self.weekend:  # 1970-01-01 was a Thursday
            return False
        if self.names_weekend or not self._workdays:
            return True
        if not 0 < day + FIRST_DAY <= _LAST_ORDINAL:
            return True
        moment = date.fromordinal(day + FIRST_DAY)
        return not any(works(moment) for works in self._workdays)

    def is_business(self, day: int) -> bool:
        """Return whether a day is neither of the weekend nor a holiday."""
        return not self.is_weekend(day) and self.holiday(day) is None

    def why_none(self, day: int) -> str:
        """Return why a day is no business day, in words; "" if it is one."""
        moment = date.fromordinal(day + FIRST_DAY)
        name = self.holiday(day)
        if name is not None:
            return f"{moment} is {name} (calendar {self.name})"
        if self.is_weekend(day):
            return f"{moment} is a {_NAMES[moment.weekday()]} (weekend of calendar {self.name})"
        return ""

    def business_days(self, first: int, last: int) -> list[int]:
        """List the business days from `first` to `last`."""
        return [day for day in range(first, last + 1) if self.is_business(day)]

    def _read(self, year: int) -> dict[int, str]:
        found: dict[int, str] = {}
        for source in self._holidays:
            for day, name in source(year).items():
                found.setdefault(day.toordinal() - FIRST_DAY, " ".join(name.split()))
        return found


def calendar_of(definition: object, place: str = "calendar") -> Calendar:
    """Return the calendar of a definition; raises TriggerError."""
    if not isinstance(definition, Mapping):
        remedy = "Write the name of a calendar in the configuration, or {'country': 'DE'}."
        raise refuse(place, definition, "no calendar", remedy)
    try:
        text = json.dumps(definition, sort_keys=True, default=_as_text)
    except (TypeError, ValueError, RecursionError):
        raise refuse(place, definition, "not a calendar as JSON") from None
    return _made(text, place, _hashes(definition, 0))


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError


def _hashes(definition: Mapping[str, Any], depth: int) -> tuple[str, ...]:
    """Return the present hashes of its files, for a file that has changed is another calendar."""
    found: list[str] = []
    path = definition.get("ics")
    if isinstance(path, str):
        found.append(sources.file_hash(path, "calendar"))
    plus = definition.get("plus")
    if isinstance(plus, (list, tuple)) and depth < _DEEPEST:
        for one in plus[:_MOST_PLUS]:
            if isinstance(one, Mapping):
                found += _hashes(one, depth + 1)
    return tuple(found)


@lru_cache(maxsize=1024)
def _made(text: str, place: str, hashes: tuple[str, ...]) -> Calendar:
    definition = json.loads(text)
    holidays: list[sources.Year] = []
    workdays: list[Callable[[date], bool]] = []
    weekend = _gather(definition, place, holidays, workdays, 0)
    return Calendar(
        str(definition.get("name") or _unnamed(definition)),
        tuple(holidays),
        _USUAL if weekend is None else weekend,
        tuple(workdays),
        definition.get("weekend") is not None,
    )


def _unnamed(definition: Definition) -> str:
    parts = [str(definition[key]) for key in KEYS[:4] if definition.get(key) is not None]
    return "-".join(parts)[:80] or "unnamed"


def _gather(
    definition: Definition,
    place: str,
    holidays: list[sources.Year],
    workdays: list[Callable[[date], bool]],
    depth: int,
) -> frozenset[int] | None:
    """Collect the sources of a definition and of those in `plus`; return the weekend that it names,
    else that of its country and of those in `plus`, None if there is none."""
    for key in definition:
        if key not in KEYS and key not in ("name", "data", "sha256"):
            raise refuse(f"{place}.{key}", definition[key], "no such key", nearest(key, KEYS))
    given = {key: value for key, value in definition.items() if value is not None}
    if not given.keys() & (set(KEYS) - {"subdivision"}):
        raise TriggerError(
            "A calendar without any day.",
            field=place,
            remedy=f"Write at least one of {', '.join(KEYS)}.",
        )
    weekends: list[frozenset[int]] = []
    for known in _of_package(given, place):
        holidays.append(known.holidays)
        workdays.append(known.workdays)
        weekends.append(known.weekend)
    if "ics" in given:
        holidays.append(sources.ics(_text(given, "ics", place), place))
    if "dates" in given:
        holidays.append(sources.dates(given["dates"], place))
    for index, one in enumerate(_plus(given, place, depth)):
        found = _gather(one, f"{place}.plus[{index}]", holidays, workdays, depth + 1)
        weekends += [] if found is None else [found]
    if "weekend" in given:
        return read_weekend(given["weekend"], place)
    return frozenset().union(*weekends) if weekends else None


def _of_package(given: Definition, place: str) -> list[sources.Country]:
    found: list[sources.Country] = []
    part = _text(given, "subdivision", place) if "subdivision" in given else None
    if "country" in given:
        found.append(sources.country(_text(given, "country", place).upper(), part, place))
    elif part is not None:
        remedy = "Write the country as well."
        raise refuse(f"{place}.subdivision", part, "a part of no country", remedy)
    if "market" in given:
        found.append(sources.market(_text(given, "market", place).upper(), place))
    return found


def _plus(given: Definition, place: str, depth: int) -> list[Definition]:
    plus = given.get("plus", [])
    is_list = isinstance(plus, list) and len(plus) <= _MOST_PLUS and depth < _DEEPEST
    if not is_list or not all(isinstance(one, Mapping) for one in plus):
        why = f"not a list of at most {_MOST_PLUS} calendars, at most {_DEEPEST} deep"
        raise refuse(f"{place}.plus", plus, why)
    return list(plus)


def _text(given: Definition, key: str, place: str) -> str:
    value = given[key]
    if not isinstance(value, str) or not 1 <= len(value) <= 4096 or "\0" in value:
        raise refuse(f"{place}.{key}", value, "not a text")
    return value


def read_weekend(value: object, place: str) -> frozenset[int]:
    """Return the days of a weekend like "fri,sat", "none" for no day; raises TriggerError."""
    where, remedy = f"{place}.weekend", "Write days like 'sat,sun', or 'none'."
    if not isinstance(value, str) or len(value) > 80:
        raise refuse(where, value, "not a text", remedy)
    names = [one.strip().lower() for one in value.split(",")]
    if names == ["none"]:
        return frozenset()
    for name in names:
        if name not in WEEKDAYS:
            raise refuse(where, value, f"{name!r} is no day", remedy)
    if len(set(names)) == 7:
        raise refuse(where, value, "no day is left to work on", remedy)
    return frozenset(WEEKDAYS.index(name) for name in names)
