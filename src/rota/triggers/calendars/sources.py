"""Where the holidays of a calendar come from: the `holidays` package, `.ics` files, lists of dates.

Each source returns the holidays of one year by their names. The libraries are in the extra
`calendars` and are imported when a calendar needs them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from rota.errors import TriggerError
from rota.triggers.trigger_errors import refuse, shown

Year = Callable[[int], Mapping[date, str]]
"""Returns the holidays of a year, by day."""

LARGEST_FILE = 4 << 20
"""Bytes that an .ics file may have."""

_EXTRA = "Run `pip install 'rota[calendars]'`."
_DATE = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})(?: (\S.*))?")


class Country(NamedTuple):
    """The holidays of a country or a financial market, its weekend, and the days of weekends on
    which it works."""

    holidays: Year
    weekend: frozenset[int]  # 0 is Monday
    workdays: Callable[[date], bool]


def data_release() -> str:
    """Return the release of the package that knows the holidays, like "holidays 0.109"; raises
    TriggerError if it is not installed."""
    try:
        return f"holidays {version('holidays')}"
    except PackageNotFoundError:
        raise _missing("holidays") from None


@cache
def country(code: str, subdivision: str | None, place: str) -> Country:
    """Return the holidays of a country, and of one of its parts; raises TriggerError."""
    try:
        import holidays
    except ImportError:
        raise _missing("holidays") from None
    known = holidays.list_supported_countries(include_aliases=True)
    if code not in known:
        raise _unknown(
            f"{place}.country", code, "no country that the holidays package knows", known
        )
    if subdivision is not None and subdivision not in known[code]:
        why = f"no part of {code} that the holidays package knows"
        raise _unknown(f"{place}.subdivision", subdivision, why, known[code])
    return _of_package(lambda **how: holidays.country_holidays(code, subdiv=subdivision, **how))


@cache
def market(code: str, place: str) -> Country:
    """Return the days on which a financial market is closed; raises TriggerError."""
    try:
        import holidays
    except ImportError:
        raise _missing("holidays") from None
    known = holidays.list_supported_financial(include_aliases=True)
    if code not in known:
        why = "no financial market that the holidays package knows"
        raise _unknown(f"{place}.market", code, why, known)
    return _of_package(lambda **how: holidays.financial_holidays(code, **how))


def _of_package(make: Callable[..., Any]) -> Country:
    first = make(years=(), expand=False)
    how = {"language": "en_US"} if "en_US" in first.supported_languages else {}

    def of_year(year: int) -> Mapping[date, str]:
        if not first.start_year <= year <= first.end_year:
            return {}
        return dict(make(years=year, expand=False, **how))

    @lru_cache(maxsize=512)
    def worked_in(year: int) -> frozenset[date]:
        if not first.start_year <= year <= first.end_year:
            return frozenset()
        return frozenset(make(years=year, expand=False).weekend_workdays)

    return Country(of_year, frozenset(first.weekend), lambda day: day in worked_in(day.year))


def dates(listed: object, place: str) -> Year:
    """Return the days of a list like `["2026-12-24", "12-31 New Year's Eve"]`; those without a year
    are in each year. Raises TriggerError."""
    where = f"{place}.dates"
    if not isinstance(listed, (list, tuple)) or not listed or len(listed) > 10_000:
        raise refuse(where, listed, "not a list of dates", "Write ['2026-12-24'].")
    once: dict[int, dict[date, str]] = {}
    yearly: list[tuple[int, int, str]] = []
    for one in listed:
        text = one.isoformat() if type(one) is date else one
        found = _DATE.fullmatch(text) if isinstance(text, str) else None
        remedy = "Write '2026-12-24', '12-24' for each year, and a name after a blank if you like."
        if found is None:
            raise refuse(where, one, "not a date", remedy)
        name = found[4] or "a date of the list"
        month, day = int(found[2]), int(found[3])
        try:
            known = date(int(found[1] or 2000), month, day)
        except ValueError:
            raise refuse(where, one, "no such day", remedy) from None
        if found[1]:
            once.setdefault(known.year, {})[known] = name
        else:
            yearly.append((month, day, name))

    def of_year(year: int) -> Mapping[date, str]:
        found = {}
        for month, day, name in yearly:
            if (month, day) != (2, 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
                found[date(year, month, day)] = name
        return found | once.get(year, {})

    return of_year


def file_hash(path: str, place: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal; raises TriggerError."""
    return hashlib.sha256(_content(path, place)).hexdigest()


def ics(path: str, place: str) -> Year:
    """Return the all-day events of an iCalendar file, with those that recur; raises TriggerError.

    Cancelled events are left out, and so are events that have times of day.
    """
    return _ics(_content(path, place), f"{place}.ics", path)


def _content(path: str, place: str) -> bytes:
    where = f"{place}.ics"
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        why = f"it cannot be read ({error.strerror or type(error).__name__})"
        remedy = "Write its path from the directory in which rota is started."
        raise refuse(where, path, why, remedy) from None
    if len(content) > LARGEST_FILE:
        raise refuse(where, path, f"more than {LARGEST_FILE >> 20} MiB")
    return content


@lru_cache(maxsize=64)
def _ics(content: bytes, where: str, path: str) -> Year:
    try:
        import icalendar
        import recurring_ical_events
    except ImportError:
        raise _missing("icalendar and recurring-ical-events") from None
    remedy = "Write an iCalendar file (RFC 5545) with all-day events."
    try:
        read: Any = icalendar.Calendar.from_ical(content)
    except ValueError as error:
        raise refuse(where, path, f"no iCalendar file ({shown(str(error))})", remedy) from None
    whole_days = icalendar.Calendar()
    for one in read.walk():
        if one.name == "VTIMEZONE":
            whole_days.add_component(one)
        if one.name != "VEVENT" or one.get("status") == "CANCELLED":
            continue
        if "dtstart" in one and type(one["dtstart"].dt) is date:
            whole_days.add_component(one)
    if not whole_days.events:
        raise refuse(where, path, "there is no all-day event in it", remedy)
    expand = recurring_ical_events.of(whole_days)

    def of_year(year: int) -> Mapping[date, str]:
        found: dict[date, str] = {}
        after = date(year + 1, 1, 1) if year < 9999 else date(9999, 12, 31)
        for event in expand.between(date(year, 1, 1), after):
            name = str(event.get("summary", "")).strip() or "an event of the file"
            first = event.start
            end = event.end if event.end > first else first + timedelta(1)
            for day in range((end - first).days):
                found.setdefault(first + timedelta(day), name)
        return {day: name for day, name in found.items() if day.year == year}

    of_year(2000)  # what cannot be expanded shows here, and not when the task is due
    return of_year


def _unknown(where: str, value: str, why: str, known: Collection[str]) -> TriggerError:
    from rota.errors import nearest

    return refuse(where, value, why, nearest(value, list(known)))


def _missing(package: str) -> TriggerError:
    return TriggerError(
        f"Such a calendar needs {package}, which is not installed.",
        field="calendar",
        remedy=_EXTRA,
    )
