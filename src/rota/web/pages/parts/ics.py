"""Calendars in the iCalendar format (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from rota import __version__
from rota.core.time import Instant, to_datetime
from rota.web.pages.format import neutralise

LONGEST_LINE = 75
"""The most bytes of a line, without its end (section 3.1)."""

_SPECIAL = re.compile(r"[\\;,]")


class CalendarEvent(NamedTuple):
    """An occurrence that will be planned."""

    task_id: str
    at: Instant
    summary: str
    description: str


def calendar(name: str, events: Iterable[CalendarEvent], now: Instant) -> str:
    """Return a calendar of this name as text."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//rota//rota {__version__}//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{text(name)}",
        *(line for event in events for line in _event(event, now)),
        "END:VCALENDAR",
    ]
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _event(event: CalendarEvent, now: Instant) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_uid(event)}"
    yield f"DTSTAMP:{_utc(now)}"
    yield f"DTSTART:{_utc(event.at)}"
    yield f"SUMMARY:{text(event.summary)}"
    yield f"DESCRIPTION:{text(event.description)}"
    yield "TRANSP:TRANSPARENT"  # the time counts as free, not busy
    yield "END:VEVENT"


def text(value: str) -> str:
    """Return an escaped text (section 3.3.11); control characters are made visible."""
    shown = neutralise(value.replace("\r\n", "\n").replace("\r", "\n"))
    return _SPECIAL.sub(r"\\\g<0>", shown).replace("\n", "\\n").replace("\t", " ")


def folded(line: str) -> str:
    """Return a folded line; it is never folded within a character."""
    if len(line) * 4 <= LONGEST_LINE or (line.isascii() and len(line) <= LONGEST_LINE):
        return line
    rows, size = [""], 0
    for character in line:
        length = len(character.encode("utf-8", "replace"))
        if size + length > LONGEST_LINE:
            rows.append(" ")  # part of the fold; it counts too
            size = 1
        rows[-1] += character
        size += length
    return "\r\n".join(rows)


def _uid(event: CalendarEvent) -> str:
    """Return an id that is always the same for the same occurrence."""
    key = event.task_id.encode("utf-8", "surrogatepass")
    return f"{blake2b(key, digest_size=12).hexdigest()}-{event.at}@rota"


def _utc(instant: Instant) -> str:
    return f"{to_datetime(instant):%Y%m%dT%H%M%S}Z"
