"""Time zones and moments as users write them."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError, available_timezones

from rota.core.time import SECOND, Instant, from_datetime
from rota.errors import nearest
from rota.triggers.dst import Zone
from rota.triggers.trigger_errors import refuse

_KEY = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,3}")
# What these mean depends on the machine, or counts leap seconds.
_NOT_OURS = re.compile(r"localtime|posixrules|(right|posix)/.*")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[ T]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_FORM = "Write it like '2030-01-31', '2030-01-31 09:00' or '2030-01-31T09:00:00+01:00'."
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock on the wall has no zone


def read_zone(value: object, field: str = "timezone") -> Zone:
    """Return the zone named by a key of the tz database, or by a tzinfo that has one.

    Raises TriggerError with the nearest known names.
    """
    if value is UTC:
        return zone("UTC")
    if isinstance(value, tzinfo):  # zoneinfo says `key`, pytz says `zone`
        value = getattr(value, "key", None) or getattr(value, "zone", None) or value
    if not isinstance(value, str):
        raise refuse(field, value, "not the name of a time zone", "Write one like 'Europe/Berlin'.")
    if _KEY.fullmatch(value) and not _NOT_OURS.fullmatch(value):
        try:
            return zone(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise refuse(field, value, "no time zone of the tz database", _nearest_zone(value))


@lru_cache(maxsize=1024)
def zone(key: str) -> Zone:
    """Return the one `Zone` object of a key; raises what `ZoneInfo` raises."""
    return Zone(key)


@cache
def tz_version() -> str:
    """Return the release of the tz database that zones are read from, like "2025b"; "" if it does
    not say.
    """
    for place in zoneinfo.TZPATH:
        with suppress(OSError), (Path(place) / "tzdata.zi").open(encoding="utf-8") as file:
            return file.readline().removeprefix("# version ").strip()[:10]
    with suppress(ImportError):
        return str(import_module("tzdata").IANA_VERSION)
    return ""


def read_moment(field: str, value: object, zone: Zone) -> Instant:
    """Return the instant of an ISO text, a date (its midnight) or a datetime.

    What has no offset is read in `zone`: in a gap it is the first instant after it, in an overlap
    the first pass (a datetime's `fold=1` says the second). Raises TriggerError.
    """
    if isinstance(value, str):
        moment = _from_text(field, value)
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001
    else:
        raise refuse(field, value, "neither a text, a date nor a datetime", _FORM)
    try:
        if moment.utcoffset() is not None:
            instant = from_datetime(moment)
        else:
            seconds, micros = divmod(moment.replace(tzinfo=None) - _WALL_EPOCH, _ONE_SECOND)
            second = zone.instant_of(seconds, second_pass=bool(moment.fold))
            instant = second * SECOND + micros.microseconds
    except Exception as error:  # a foreign tzinfo may raise anything
        raise refuse(field, value, "a moment that cannot be placed", _FORM) from error
    if not _FIRST <= instant <= _LAST:
        raise refuse(field, value, "outside the years 1 to 9999 in UTC")
    return instant


_ONE_SECOND = timedelta(seconds=1)
_FIRST = from_datetime(datetime(1, 1, 1, tzinfo=UTC))
_LAST = from_datetime(datetime.max.replace(tzinfo=UTC))


def _from_text(field: str, text: str) -> datetime:
    found = _MOMENT.fullmatch(text.strip(" \t\r\n")) if len(text) < 100 else None
    if found is None:
        raise refuse(field, text, "not a date or a date with a time", _FORM)
    *numbers, fraction, offset = found.groups(default="")
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    micros = int(fraction.ljust(6, "0")) if fraction else 0
    try:
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=_offset(offset))
    except ValueError as error:
        raise refuse(field, text, str(error), _FORM) from None


def _offset(text: str) -> timezone | None:
    if not text or text == "Z":
        return UTC if text else None
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59:
        raise ValueError("minutes of the offset must be in 0..59")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


@cache
def _known() -> dict[str, str]:
    names = (name for name in available_timezones() if not _NOT_OURS.fullmatch(name))
    return {name.lower(): name for name in sorted(names)}


def _nearest_zone(text: str) -> str:
    """Suggest a zone: the same name in other letters, its city, else the closest spelling."""
    known = _known()
    wanted = text[:60].strip().lower().replace(" ", "_")
    same = known.get(wanted) or next(
        (name for lower, name in known.items() if wanted and lower.endswith("/" + wanted)), None
    )
    if same:
        return f"Did you mean {same!r}?"
    suggestion = nearest(wanted, list(known))
    if not suggestion.startswith("Did"):
        return "Write one like 'Europe/Berlin'."
    return f"Did you mean {known[suggestion.split(chr(39))[1]]!r}?"
