"""Parsing times, durations and values of the command line.

A time without a zone is in the zone of the task, otherwise in `manager.timezone`: the zone of the
machine is never used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime
from rota.errors import RotaError, TriggerError

if TYPE_CHECKING:
    from rota.core.task import Task

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN = re.compile(r"(?:\d{1,6}(?:\.\d{1,6})?[smhdw])+", re.ASCII)
_LAST = from_datetime(datetime(9999, 1, 1, tzinfo=UTC))
_LONGEST = 100
"""The most characters of a time or a duration."""
_PART = re.compile(r"([\d.]+)([smhdw])")


class UsageError(RotaError):
    """An argument of the command line is invalid; `where` names the option."""


def before(option: str, text: str, now: Instant, zone: str = "UTC") -> Instant:
    """Return "2h" as two hours ago, or a date or time, at the earliest 1970; raises UsageError."""
    length = span(text)
    return max(0, _moment(option, text, zone) if length is None else now - length)


def ahead(option: str, text: str, now: Instant, zone: str = "UTC") -> Instant:
    """Return "2h" as in two hours, or a date or time; raises UsageError."""
    length = span(text)
    if length is not None and now + length > _LAST:
        raise UsageError(f"{text!r} is too long.", where=option, remedy="Stay before 9999.")
    return _moment(option, text, zone) if length is None else now + length


def span(text: str) -> Instant | None:
    """Return a duration like "90s", "30m", "2h", "3d", "1w" or "1h30m"; None for other text."""
    if len(text) > _LONGEST or not _SPAN.fullmatch(text):
        return None
    return sum(round(float(number) * _UNITS[unit]) for number, unit in _PART.findall(text))


def pairs(option: str, words: Iterable[str]) -> dict[str, Any]:
    """Return `key=value` words, with values parsed as JSON if they are JSON; raises UsageError."""
    return {key: value(text) for key, text in texts(option, words).items()}


def texts(option: str, words: Iterable[str]) -> dict[str, str]:
    """Return `key=value` words, with values as they are; raises UsageError."""
    found: dict[str, str] = {}
    for word in words:
        key, mark, text = word.partition("=")
        if not mark or not key:
            raise UsageError(f"{word!r} has no key.", where=option, remedy="Write key=value.")
        if key in found:
            raise UsageError(f"{key!r} is given twice.", where=option, remedy="Keep one.")
        found[key] = text
    return found


def iso(when: datetime | None) -> str | None:
    """Return an aware time as ISO 8601 in UTC."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(option: str, text: str, zone: str) -> Instant:
    from rota.triggers.zones import read_moment, read_zone

    where = read_zone(zone)
    try:
        return read_moment(option, datetime.fromisoformat(text.strip()), where)
    except (ValueError, TriggerError):
        raise UsageError(
            f"{text[:_LONGEST]!r} is not a time.",
            where=option,
            remedy=f"Write 2026-12-24, '2026-12-24 08:00' ({zone}), 2026-12-24T08:00+01:00, or a"
            " span like 30m, 2h, 3d.",
        ) from None


def value(text: str) -> Any:
    """Return the value of a JSON text, or the text itself if it is not JSON."""

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text


def trigger(task: Task) -> str:
    """Return a description of a task's trigger, or its kind if this release cannot read it."""
    from rota.triggers import describe

    try:
        return describe(task.trigger, task.trigger_args, timezone=task.timezone, task_id=task.id)
    except RotaError:
        return task.trigger
