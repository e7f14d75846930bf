"""Cron times in the slowest way that is obviously right: walk the clock and look at the wall.

Every half minute of UTC is turned into a wall time by `zoneinfo`. What the wall shows is compared
with plain predicates; a time that it never shows lies in a gap, one that it shows twice in an
overlap. Nothing here is shared with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

STEP = 30  # no offset since 1970 is finer (Monrovia had -0:44:30 until 1972)
DAY = 86_400
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Rule:
    """Keyword arguments, and independently of them what they mean."""

    args: dict[str, object]
    day: Callable[[date], bool]
    hours: frozenset[int]
    minutes: frozenset[int]
    repeats: bool

    def __call__(self, wall: datetime) -> bool:
        return wall.hour in self.hours and wall.minute in self.minutes and self.day(wall.date())


@dataclass(frozen=True)
class Window:
    """What the wall showed in a zone around `start`..`end`, seconds of UTC, two days wider."""

    start: int
    end: int
    shown: dict[datetime, list[int]]
    days: frozenset[date]
    order: list[tuple[datetime, int]]

    def gap_end(self, wall: datetime) -> int | None:
        """Return the instant at which the wall jumped over `wall`."""
        for (earlier, _), (later, second) in pairwise(self.order):
            if earlier < wall < later:
                return second
        return None


@lru_cache(maxsize=64)
def window(key: str, start: int, end: int) -> Window:
    zone = ZoneInfo(key)
    order = [
        (datetime.fromtimestamp(second, zone).replace(tzinfo=None, fold=0), second)
        for second in range(start - 2 * DAY, end + 2 * DAY, STEP)
    ]
    shown: dict[datetime, list[int]] = {}
    for wall, second in order:
        shown.setdefault(wall, []).append(second)
    return Window(start, end, shown, frozenset(wall.date() for wall in shown), order)


def expected(rule: Rule, seen: Window, dst: str) -> list[int]:
    """Return the seconds of UTC in start..end, both included, at which `rule` runs."""
    after_gap = dst == "both" or (dst == "adjust" and not rule.repeats)
    second_pass = dst == "both" or (dst == "adjust" and rule.repeats)
    found: set[int] = set()
    wall, last = min(seen.shown), max(seen.shown)
    wall = wall.replace(second=0)
    while wall <= last:
        if rule(wall):
            times = seen.shown.get(wall, [])
            found.update(times if second_pass else times[:1])
            if not times and after_gap and wall.date() in seen.days:
                end = seen.gap_end(wall)
                if end is not None:
                    found.add(end)
        wall += timedelta(minutes=1)
    return sorted(second for second in found if seen.start <= second <= seen.end)


@lru_cache(maxsize=1024)
def changes(key: str, first_year: int, last_year: int) -> list[int]:
    """Return the seconds of UTC at which the offset of a zone changes: probe, then halve."""
    zone = ZoneInfo(key)

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, zone).utcoffset()

    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year, 12, 31, tzinfo=UTC).timestamp())
    found = []
    for low, high in pairwise(range(start, end, 3 * DAY)):
        before = offset(low)
        if offset(high) != before:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            found.append(high)
    return found
