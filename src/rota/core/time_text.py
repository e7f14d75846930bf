"""Times and spans as text, for people."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rota.core.time import SECOND, Instant, from_datetime, to_datetime


def moment(instant: Instant, zone: str = "UTC") -> str:
    """Return a time as text with its zone, without fractions of a second."""
    there = to_datetime(instant).astimezone(ZoneInfo(zone))
    return f"{there:%Y-%m-%d %H:%M:%S} {there.tzname() or zone}"


def clock(when: datetime | None, zone: str = "UTC") -> str:
    """Return an aware time as text with its zone; "" for None."""
    return "" if when is None else moment(from_datetime(when), zone)


def duration(seconds: float) -> str:
    """Return a duration in at most two units: "350 ms", "4.2 s", "3 min 5 s", "2 d 4 h"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for big, small, name, part in ((86400, 3600, "d", "h"), (3600, 60, "h", "min")):
        if seconds >= big:
            return _two(int(seconds), big, small, name, part)
    return _two(int(seconds), 60, 1, "min", "s")


def away(instant: Instant, now: Instant) -> str:
    """Return the distance of a time from now: "in 3 min 5 s", "2 h ago"."""
    length = duration(abs(instant - now) / SECOND)
    return f"in {length}" if instant >= now else f"{length} ago"


def _two(seconds: int, big: int, small: int, name: str, part: str) -> str:
    rest = seconds % big // small
    return f"{seconds // big} {name}" + (f" {rest} {part}" if rest else "")
