"""From the clock on the wall to instants: what a change of the clocks does to a rule.

Twice a year in many zones, and whenever a government says so, the clocks on the wall jump. Forward
leaves a *gap*, wall times that never come; backward makes an *overlap*, wall times that come twice,
in a first and a second *pass*. Outside of both, a wall time is one instant.

Here an instant is a whole number of seconds since 1970 in UTC (`second`): the tz database knows no
finer offsets. The rule is that of Debian's cron (cron(8), "Notes"), the options are ours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from rota.triggers.wall_times import DAY

_EARLIEST = -3 * DAY  # before the first wall time of any pattern in any zone
LATEST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
# Converting the last hours of the year 9999 leaves the range of datetime; no zone changes then.
_CONVERTIBLE = LATEST - 2 * DAY
# The calendar and the rules of a zone repeat after 400 years: what met a gap so often in a row
# meets one always, like every 02:15 on the last Sunday of March in Berlin.
_MOST_GAPS = 1000
_LOWEST = int(datetime(1, 1, 3, tzinfo=UTC).timestamp())


class WallTimes(Protocol):
    """Wall times in order: see `Pattern`."""

    def next(self, wall: int) -> int | None:
        """Return the first wall time at or after `wall`."""

    def prev(self, wall: int) -> int | None:
        """Return the last wall time at or before `wall`."""


class Changes(Enum):
    """What happens in a gap (`at_gap_end`: run at its end) and in an overlap (`second_pass`)."""

    ONCE = (True, False)
    """Exactly once: after the gap, in the first pass. `dst="adjust"`, fixed times."""
    BY_THE_WALL = (False, True)
    """Whenever the wall shows it. `dst="adjust"`, wildcards and steps."""
    SKIP = (False, False)
    """Not in a gap, in the first pass only. `dst="skip"`."""
    BOTH = (True, True)
    """After the gap, in both passes. `dst="both"`."""

    def __init__(self, at_gap_end: bool, second_pass: bool) -> None:
        self.at_gap_end = at_gap_end
        self.second_pass = second_pass


class Zone:
    """A zone of the tz database, as offsets in seconds east of UTC. Make it with `zones.zone`."""

    __slots__ = ("_tz", "_wall", "changes", "key")

    def __init__(self, key: str) -> None:
        """Raise what `ZoneInfo(key)` raises when there is no such zone."""
        self.key = key
        self._tz = ZoneInfo(key)
        self._wall = datetime(1970, 1, 1, tzinfo=self._tz)
        self.changes = key != "UTC"

    def offset_at(self, second: int) -> int:
        """Return the offset at an instant."""
        if not _LOWEST <= second <= _CONVERTIBLE:
            second = min(max(second, _LOWEST), _CONVERTIBLE)
        return _seconds(datetime.fromtimestamp(second, self._tz).utcoffset())

    def steady_offset(self, day: int) -> int | None:
        """Return the offset of a day and its neighbours, in UTC or on the wall, from 1970 on.

        None when the clocks change within these three days.
        """
        return _steady_offset(self, day)

    def offsets(self, wall: int) -> tuple[int, int]:
        """Return the offsets of a wall time before and after the change it lies in, if any.

        They are equal at most times; the first is the greater in an overlap, the smaller in a gap.
        """
        moment = self._wall + timedelta(seconds=wall)
        return _seconds(moment.utcoffset()), _seconds(moment.replace(fold=1).utcoffset())

    def change_at(self, wall: int, before: int, after: int) -> int:
        """Return the instant of the change whose gap or overlap `wall` lies in."""
        low, high = wall - max(before, after), wall - min(before, after)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset_at(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def instant_of(self, wall: int, *, second_pass: bool = False) -> int:
        """Return the instant of a wall time: at the end of its gap, in the pass asked for."""
        before, after = self.offsets(wall)
        if before < after:
            return self.change_at(wall, before, after)
        return wall - (after if second_pass else before)


@lru_cache(maxsize=16384)
def _steady_offset(zone: Zone, day: int) -> int | None:
    # Since 1970 no zone changed its clocks twice within six days (a test reads the whole database),
    # so equal offsets at both ends mean that there was no change in between.
    offset = zone.offset_at((day - 1) * DAY)
    return offset if offset == zone.offset_at((day + 2) * DAY) else None


def _seconds(offset: timedelta | None) -> int:
    if offset is None:  # no zone of the database does this
        raise AssertionError("a zone without an offset")
    return offset.days * DAY + offset.seconds


def next_second(pattern: WallTimes, zone: Zone, changes: Changes, second: int) -> int | None:
    """Return the first instant of `pattern` in `zone` strictly after `second`."""
    second = max(second, _EARLIEST)
    if not zone.changes:
        return pattern.next(second + 1)
    offset = zone.steady_offset(second // DAY)
    if offset is not None:
        return _forward(pattern, zone, changes, second, second + offset + 1)
    offset = zone.offset_at(second)
    wall = second + offset
    before, after = zone.offsets(wall)
    if before <= after:
        return _forward(pattern, zone, changes, second, wall + 1)
    change = zone.change_at(wall, before, after)
    end = change + before
    if offset == after and not changes.second_pass:
        return _forward(pattern, zone, changes, second, end)
    if offset == before and changes.second_pass:
        found, again = pattern.next(wall + 1), pattern.next(change + after)
        if (found is None or found >= end) and again is not None and again < end:
            return again - after
    return _forward(pattern, zone, changes, second, wall + 1)


def _forward(
    pattern: WallTimes, zone: Zone, changes: Changes, second: int, start: int
) -> int | None:
    for _ in range(_MOST_GAPS):
        wall = pattern.next(start)
        if wall is None:
            return None
        offset = zone.steady_offset(wall // DAY)
        if offset is not None:
            return wall - offset
        before, after = zone.offsets(wall)
        if before == after:
            return wall - before
        if before > after:
            first_pass = wall - before
            return first_pass if first_pass > second else wall - after
        change = zone.change_at(wall, before, after)
        if not changes.at_gap_end:
            start = change + after
        elif _day_exists(wall, change + before, change + after):
            return change
        else:
            start = (wall // DAY + 1) * DAY
    return None


def last_second(pattern: WallTimes, zone: Zone, changes: Changes, second: int) -> int | None:
    """Return the last instant of `pattern` in `zone` at or before `second`."""
    if second < _EARLIEST:
        return None
    second = min(second, LATEST)
    if not zone.changes:
        return pattern.prev(second)
    offset = zone.steady_offset(second // DAY)
    if offset is not None:
        return _backward(pattern, zone, changes, second, second + offset)
    offset = zone.offset_at(second)
    wall = second + offset
    before, after = zone.offsets(wall)
    if before <= after or offset == before:
        return _backward(pattern, zone, changes, second, wall)
    change = zone.change_at(wall, before, after)
    if changes.second_pass:
        found = pattern.prev(wall)
        if found is not None and found >= change + after:
            return found - after
    return _backward(pattern, zone, changes, second, change + before - 1)


def _backward(
    pattern: WallTimes, zone: Zone, changes: Changes, second: int, start: int
) -> int | None:
    while (wall := pattern.prev(start)) is not None:
        offset = zone.steady_offset(wall // DAY)
        if offset is not None:
            return wall - offset
        before, after = zone.offsets(wall)
        if before == after:
            return wall - before
        if before > after:
            again = wall - after
            return again if changes.second_pass and again <= second else wall - before
        change = zone.change_at(wall, before, after)
        if not changes.at_gap_end:
            start = change + before - 1
        elif _day_exists(wall, change + before, change + after):
            return change
        else:
            start = wall // DAY * DAY - 1
    return None


def _day_exists(wall: int, gap_start: int, gap_end: int) -> bool:
    """Return whether anything is left of the day of `wall`; Samoa had no 30 December 2011 at
    all.
    """
    midnight = wall // DAY * DAY
    return midnight < gap_start or midnight + DAY > gap_end
