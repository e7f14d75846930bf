"""Every zone of the tz database, every clock change from 2015 to 2035, without chance."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

from rota.core.time import SECOND
from rota.triggers import Trigger, between, parse
from tests.property.triggers.reference import DAY, changes
from tests.property.triggers.strategies import ZONES


def wall(second: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(second, zone).replace(tzinfo=None, fold=0)


def runs(trigger: Trigger, start: int, end: int) -> list[int]:
    found = between(trigger, start * SECOND - 1, end * SECOND - 1, 100)
    return [instant // SECOND for instant in found]


def times_around(change: int, zone: ZoneInfo) -> set[tuple[int, int]]:
    """Return hours and minutes in the gap or overlap, at its edges, and far from it."""
    edges = [wall(change - 1, zone) + timedelta(seconds=1), wall(change, zone)]
    middle = min(edges) + (max(edges) - min(edges)) / 2
    return {(moment.hour, moment.minute) for moment in (*edges, middle)} | {(0, 0), (12, 0)}


def owner(second: int, change: int, zone: ZoneInfo, time: tuple[int, int]) -> date:
    """Return the local day that a run belongs to: at the end of a gap perhaps the day before."""
    local = wall(second, zone)
    if (local.hour, local.minute) == time:
        return local.date()
    assert second == change
    gap = wall(change - 1, zone) + timedelta(seconds=1), wall(change, zone)
    times = [moment.replace(hour=time[0], minute=time[1]) for moment in gap]
    return next(moment.date() for moment in times if gap[0] <= moment < gap[1])


def days_around(change: int, zone: ZoneInfo) -> set[date]:
    every = range(change - 3 * DAY, change + 3 * DAY, 3600)
    return {wall(second, zone).date() for second in every}


def check(change: int, key: str, existing: set[date], time: tuple[int, int]) -> None:
    zone = ZoneInfo(key)
    hour, minute = time
    trigger = parse("cron", {"hour": hour, "minute": minute}, timezone=key)
    found = runs(trigger, change - 3 * DAY, change + 3 * DAY)
    owners = [owner(second, change, zone, time) for second in found]
    inner = {day for day in existing if owners[0] <= day <= owners[-1]}
    assert owners == sorted(inner), (key, time)
    assert len(owners) >= 5, (key, time)


def test_a_daily_task_runs_once_on_every_local_day_that_exists() -> None:
    seen: set[tuple[int, ...]] = set()
    for key in ZONES:
        found = changes(key, 2015, 2035)
        zone = ZoneInfo(key)
        shape = (*found, *(int(wall(second, zone).timestamp()) - second for second in found))
        if shape in seen:  # another name of the same rules
            continue
        seen.add(shape)
        for change in found:
            existing = days_around(change, zone)
            for time in times_around(change, zone):
                check(change, key, existing, time)
    assert len(seen) > 50


def test_no_clock_changed_twice_within_six_days_since_1970() -> None:
    """What the quick path of rota.triggers.dst relies on."""
    closest = min(
        later - earlier
        for key in ZONES
        for earlier, later in pairwise(written_changes(key))
        if earlier > -DAY
    )
    assert closest > 6 * DAY


def written_changes(key: str) -> list[int]:
    """Read the changes of offset that the compiled file of a zone lists (RFC 9636)."""
    data = resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).read_bytes()
    version_1 = _counts(data, 0)
    start = 44 + _size(version_1, 4)
    _, _, _, times, kinds, _ = counts = _counts(data, start)
    assert _size(counts, 8)
    at = start + 44
    moments = [int.from_bytes(data[at + 8 * n : at + 8 * n + 8], signed=True) for n in range(times)]
    at += 8 * times
    indices = data[at : at + times]
    at += times
    offsets = [int.from_bytes(data[at + 6 * n : at + 6 * n + 4], signed=True) for n in range(kinds)]
    used = [offsets[index] for index in indices]
    return (
        [
            moment
            for moment, (before, after) in zip(moments[1:], pairwise(used), strict=True)
            if before != after
        ]
        if times
        else []
    )


def _counts(data: bytes, start: int) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[start + 20 + 4 * n : start + 24 + 4 * n]) for n in range(6))


def _size(counts: tuple[int, ...], width: int) -> int:
    isut, isstd, leaps, times, kinds, letters = counts
    return times * (width + 1) + kinds * 6 + letters + leaps * (width + 4) + isstd + isut


def test_year_2500_and_later_follow_the_rule_of_the_zone() -> None:
    for year in (2500, 9998):
        trigger = parse("cron", {"hour": 2, "minute": 30}, timezone="Europe/Berlin")
        start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
        found = between(trigger, start * SECOND, (start + 366 * DAY) * SECOND, 1000)
        days = {wall(instant // SECOND, ZoneInfo("Europe/Berlin")).date() for instant in found}
        assert {date(year, 1, 1) + timedelta(days) for days in range(365)} <= days
        assert len(days) == len(found)
