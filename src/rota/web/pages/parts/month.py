"""A month in a calendar: whole weeks of days, and the clock changes in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rota.core.time import SECOND, Instant, from_datetime
from rota.triggers.dst import Zone
from rota.triggers.zones import zone as zone_of

EARLIEST, LATEST = date(1971, 1, 1), date(9998, 12, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WallClockJump:
    """A jump of the clocks of a zone from one wall time to another."""

    zone: str
    at: Instant
    before: str
    after: str


def first_of(text: str, today: date) -> date:
    """Return the first day of a month like 2026-01, or of this month for any other text."""
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  # a month has no zone
    except ValueError:
        return today.replace(day=1)
    return min(max(month, EARLIEST), LATEST)


def beside(month: date, months: int) -> str:
    """Return the month that is `months` later, or earlier if negative, as text like 2026-01."""
    count = month.year * 12 + month.month - 1 + months
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def days(month: date) -> list[date]:
    """Return the days of all weeks of the month, Monday to Sunday."""
    first = month - month.weekday() * _DAY
    after = (month.replace(day=28) + 4 * _DAY).replace(day=1)
    count = (after - first).days
    return [first + day * _DAY for day in range(count + -count % 7)]


def edges(shown: Sequence[date], zone: ZoneInfo) -> list[Instant]:
    """Return the instants at which the days begin in this zone, and the end of the last one."""
    return [
        from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone))
        for day in [*shown, shown[-1] + _DAY]
    ]


def changes(keys: Iterable[str], edges: Sequence[Instant]) -> list[list[WallClockJump]]:
    """Return the clock changes between each two successive edges."""
    zones = [zone for key in sorted(set(keys)) if (zone := _known(key)) is not None]
    return [
        [change for zone in zones for change in _changes(zone, start, end)]
        for start, end in pairwise(edges)
    ]


def _known(key: str) -> Zone | None:
    try:
        return zone_of(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # only another node knows this zone
        return None


def _changes(zone: Zone, start: Instant, end: Instant) -> Iterator[WallClockJump]:
    low, high = start // SECOND, end // SECOND
    before, after = zone.offset_at(low), zone.offset_at(high)
    if before == after:
        return
    while high - low > 1:
        middle = (low + high) // 2
        if zone.offset_at(middle) == before:
            low = middle
        else:
            high = middle
    yield WallClockJump(zone.key, high * SECOND, _wall(high, before), _wall(high, after))


def _wall(second: int, offset: int) -> str:
    minutes = (second + offset) // 60 % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
