"""Moments, durations and lists in words, for every kind of trigger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime, to_iso


def bounds_in_words(start: Instant | None, end: Instant | None, zone: str) -> str:
    """Describe the first and the last moment, those that are given."""
    since = f", from {moment(start, zone)}" if start is not None else ""
    return since + (f", until {moment(end, zone)}" if end is not None else "")


def delay(jitter: Instant) -> str:
    """Describe a start delay, if there is one."""
    return f", delayed by up to {span(jitter, one='1 ')}" if jitter else ""


def moment(instant: Instant, zone: str) -> str:
    """Write an instant as the clock on the wall of a zone shows it."""
    try:
        local = to_datetime(instant).astimezone(ZoneInfo(zone))
    except OverflowError:  # in the first or last hours of the calendar
        return to_iso(instant)
    exact = "auto" if local.second or local.microsecond else "minutes"
    text = local.replace(tzinfo=None).isoformat(" ", exact)
    return f"{text} (the second time)" if local.fold else text


def span(length: Instant, one: str = "") -> str:
    """Write a duration; a single unit alone loses its 1: "week", "2 weeks", "1 hour 30 minutes"."""
    if length % (7 * DAY) == 0:
        return units(length // (7 * DAY), "week", one)
    parts: list[tuple[int | str, str]] = []
    for name, unit in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        count, length = divmod(length, unit)
        if count:
            parts.append((count, name))
    if length:
        whole, rest = divmod(length, SECOND)
        text = f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)
        parts.append((text, "second"))
    if len(parts) == 1:
        return units(*parts[0], one)
    return " ".join(units(count, name, "1 ") for count, name in parts)


def units(count: int | str, name: str, one: str = "") -> str:
    """Write a number of units; `one` is written before the name of a single one."""
    return f"{one}{name}" if str(count) == "1" else f"{count} {name}s"


def runs_in_words(numbers: list[int], name: Callable[[int], str]) -> list[str]:
    """Name numbers, and three or more in a row as "a to b"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names: list[str] = []
    for run in runs:
        names += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else map(name, run)
    return names


def join(names: Sequence[str], word: str = "and") -> str:
    """List names: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last
