"""What a crontab text may say beyond crontab(5): `H`, `~`, `15W`, `L-3`, `@every`, `CRON_TZ=`."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from rota.core.time import MINUTE, SECOND
from rota.triggers import describe, parse, preview
from rota.triggers.kinds.interval import IntervalTrigger
from tests.unit.triggers.conftest import Refused, Times

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)


def days_of(crontab: str, years: int = 40) -> set[date]:
    """Return the days that a crontab text names from 2000 on."""
    after = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)
    found = preview("cron", {"crontab": f"0 0 {crontab}"}, after=after, count=12 * years)
    return {moment.date() for moment in found}


def nearest_workday(year: int, month: int, day: int) -> date | None:
    """Try every day of the month, nearest first: the slow and obvious way."""
    last = monthrange(year, month)[1]
    if day > last:
        return None
    around = sorted(range(1, last + 1), key=lambda other: (abs(other - day), other - day))
    return next(date(year, month, one) for one in around if date(year, month, one).weekday() < 5)


@pytest.mark.parametrize("day", range(1, 32))
def test_w_is_the_workday_nearest_to_the_day_in_its_month(day: int) -> None:
    found = sorted(days_of(f"{day}W * *"))[:400]
    wanted = [nearest_workday(*divmod_month(index), day) for index in range(12 * 60)]
    assert found == [one for one in wanted if one is not None][: len(found)]
    assert len(found) == 400


def divmod_month(index: int) -> tuple[int, int]:
    return 2000 + index // 12, index % 12 + 1


@pytest.mark.parametrize("before", [1, 3, 27, 28, 30])
def test_l_minus_n_is_so_many_days_before_the_last(before: int) -> None:
    found = sorted(days_of(f"L-{before} * *"))[:300]
    months = (divmod_month(index) for index in range(12 * 60))
    ends = [(date(*month, 1), monthrange(*month)[1]) for month in months]
    wanted = [first + timedelta(last - 1 - before) for first, last in ends if before < last]
    assert found == wanted[:300]


def test_h_follows_from_the_id_and_never_changes(times: Times) -> None:
    """Golden: other values here would move every task that has an H."""

    def first(crontab: str, task_id: str) -> str:
        return times("cron", {"crontab": crontab}, "2024-01-01", count=1, task_id=task_id)[0]

    assert first("H * * * *", "backup") == H_OF_BACKUP
    assert first("H H * * *", "backup") != first("H H * * *", "report")
    assert first("H H(0-5) * * *", "backup")[11:13] in {"00", "01", "02", "03", "04", "05"}


H_OF_BACKUP = "2024-01-01 00:23:00"


@pytest.mark.parametrize(
    ("field", "text", "low", "high"),
    [
        ("minute", "H * * * *", 0, 59),
        ("minute", "H(10-19) * * * *", 10, 19),
        ("minute", "30~39 * * * *", 30, 39),
        ("hour", "0 H * * *", 0, 23),
        ("day", "0 0 H * *", 1, 28),
        ("month", "0 0 1 H *", 1, 12),
        ("month", "0 0 1 jan~mar *", 1, 3),
    ],
)
def test_each_value_of_the_range_is_drawn_by_some_task(
    field: str, text: str, low: int, high: int
) -> None:
    drawn = set()
    for number in range(500):
        found = preview("cron", {"crontab": text}, after=MIDNIGHT, count=1, task_id=str(number))
        drawn.add(getattr(found[0], field))
    assert drawn == set(range(low, high + 1))


def test_h_with_a_step_begins_somewhere_in_its_first_step(times: Times) -> None:
    found = times("cron", {"crontab": "H/15 * * * *"}, "2024-01-01", count=5, task_id="backup")
    minutes = [datetime.fromisoformat(one) for one in found]
    assert minutes[0].minute < 15
    assert {later - one for one, later in pairwise(minutes)} == {timedelta(minutes=15)}
    words = describe("cron", {"crontab": "H H * * *"}, task_id="backup")
    assert words.startswith("every day at ") and words.endswith(", UTC")


@pytest.mark.parametrize(
    ("text", "period"),
    [("@every 90m", 90 * MINUTE), ("@every 1h30m", 90 * MINUTE), ("@EVERY 1.5s", 3 * SECOND // 2)],
)
def test_every_is_an_interval(text: str, period: int) -> None:
    rule = parse("cron", {"crontab": text}, anchor=7)
    assert isinstance(rule, IntervalTrigger) and rule.period == period
    assert rule == parse("interval", {"seconds": period / SECOND}, anchor=7)
    assert describe("cron", {"crontab": text}).startswith("every 1")


def test_cron_tz_names_the_zone(times: Times) -> None:
    text = "CRON_TZ=America/New_York 0 9 * * *"
    assert times("cron", {"crontab": text}, "2024-01-01", count=1) == ["2024-01-01 14:00:00"]
    assert describe("cron", {"crontab": text}, timezone="Asia/Tokyo") == (
        "every day at 09:00, America/New_York"
    )
    every = "CRON_TZ=Asia/Tokyo @every 1h"
    rule = parse("cron", {"crontab": every, "start_date": "2024-01-01"})
    assert rule.timezone == "Asia/Tokyo" and rule.next_after(0) == 1_704_034_800 * SECOND


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("H(50-10) * * * *", "runs backwards"),
        ("H(0-60) * * * *", "'60' is not in 0-59"),
        ("H/0 * * * *", "the step in 'H/0' is not in 1-60"),
        ("H/61 * * * *", "not in 1-60"),
        ("H(0-4)/6 * * * *", "not in 1-5"),
        ("9~3 * * * *", "runs backwards"),
        ("0~99 * * * *", "'99' is not in 0-59"),
        ("H(0-4 * * * *", "not understood"),
        ("0 0 32W * *", "names no day"),
        ("0 0 W * *", "names no day"),
        ("0 0 L-31 * *", "not known"),
        ("0 0 L-3W * *", "not known"),
        ("@every", "not a duration"),
        ("@every 90", "not a duration"),
        ("@every 90m ago", "not a duration"),
        ("@every 0s", "too short"),
        ("CRON_TZ=Europe/Berlim 0 9 * * *", "no time zone"),
        ("CRON_TZ= 0 9 * * *", "no time zone"),
        ("TZ=Europe/Berlin 0 9 * * *", "6 fields instead of five"),
        ("0 0 9 * * *", "6 fields instead of five"),
    ],
)
def test_what_is_not_understood_is_refused(refused: Refused, text: str, why: str) -> None:
    error = refused("cron", {"crontab": text})
    assert why in error.what
    assert error.field == "crontab" and error.remedy


def test_a_zone_is_named_once(refused: Refused) -> None:
    args = {"crontab": "CRON_TZ=Asia/Tokyo 0 9 * * *", "timezone": "UTC"}
    assert "names a zone" in refused("cron", args).what
    assert "given together" in refused("cron", {"crontab": "@every 5m", "hour": 9}).what
