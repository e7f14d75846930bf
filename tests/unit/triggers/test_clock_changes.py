"""Cron times when the clocks change: the table of docs/howto/triggers.md, by example."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rota.core.time import from_datetime
from rota.triggers import parse, preview
from tests.unit.triggers.conftest import Refused, Times

SPRING, AUTUMN = "2025-03-30", "2025-10-26"  # Berlin: 02:00 -> 03:00 and 03:00 -> 02:00

FIXED: dict[str, object] = {"hour": 2, "minute": 30}
LISTED: dict[str, object] = {"hour": "2,3", "minute": 0}
RANGE: dict[str, object] = {"hour": "0-4"}
STEP: dict[str, object] = {"hour": 2, "minute": "*/30"}
EVERY_2: dict[str, object] = {"hour": "*/2"}
HOURLY: dict[str, object] = {"minute": 30}


def on(day: str, args: dict[str, object], times: Times, dst: str, zone: str) -> list[str]:
    """Return the times of a UTC day up to 06:00."""
    found = times("cron", args, f"{day} 00:00", timezone=zone, dst=dst, count=40)
    return [time[11:16] for time in found if time[:10] == day and time[11:] < "06"]


@pytest.mark.parametrize(
    ("args", "day", "dst", "wanted"),
    [
        (FIXED, SPRING, "adjust", ["01:00"]),
        (FIXED, SPRING, "skip", []),
        (FIXED, SPRING, "both", ["01:00"]),
        (FIXED, AUTUMN, "adjust", ["00:30"]),
        (FIXED, AUTUMN, "skip", ["00:30"]),
        (FIXED, AUTUMN, "both", ["00:30", "01:30"]),
        (LISTED, SPRING, "adjust", ["01:00"]),  # two wall times, one instant
        (LISTED, SPRING, "skip", ["01:00"]),
        (LISTED, AUTUMN, "adjust", ["02:00"]),  # the first one was at midnight UTC
        (LISTED, AUTUMN, "both", ["01:00", "02:00"]),
        (RANGE, AUTUMN, "adjust", ["02:00", "03:00"]),
        (STEP, SPRING, "adjust", []),
        (STEP, SPRING, "skip", []),
        (STEP, SPRING, "both", ["01:00"]),
        (STEP, AUTUMN, "adjust", ["00:30", "01:00", "01:30"]),
        (STEP, AUTUMN, "skip", ["00:30"]),
        (STEP, AUTUMN, "both", ["00:30", "01:00", "01:30"]),
        (EVERY_2, SPRING, "adjust", ["02:00", "04:00"]),
        (EVERY_2, AUTUMN, "adjust", ["01:00", "03:00", "05:00"]),
        (HOURLY, SPRING, "adjust", ["00:30", "01:30", "02:30", "03:30", "04:30", "05:30"]),
        (HOURLY, AUTUMN, "adjust", ["00:30", "01:30", "02:30", "03:30", "04:30", "05:30"]),
        (HOURLY, AUTUMN, "skip", ["00:30", "02:30", "03:30", "04:30", "05:30"]),
    ],
)
def test_a_daily_time_in_berlin_survives_both_clock_changes(
    args: dict[str, object], day: str, dst: str, wanted: list[str], times: Times
) -> None:
    assert on(day, args, times, dst, "Europe/Berlin") == wanted


def test_a_step_of_seconds_alone_leaves_a_fixed_time_fixed(times: Times) -> None:
    args: dict[str, object] = {"hour": 2, "minute": 30, "second": "*/20"}
    autumn = times("cron", args, AUTUMN, timezone="Europe/Berlin", count=4)
    assert autumn[:3] == [f"{AUTUMN} 00:30:00", f"{AUTUMN} 00:30:20", f"{AUTUMN} 00:30:40"]
    assert autumn[3] == "2025-10-27 01:30:00"
    spring = times("cron", args, SPRING, timezone="Europe/Berlin", count=2)
    assert spring == [f"{SPRING} 01:00:00", "2025-03-31 00:30:00"]


@pytest.mark.parametrize(
    "text", ["*/30 2 * * *", "0-59/30 2 * * *", "30 */1 * * *", "0/30 2 * * *"]
)
def test_crontab_steps_run_in_both_passes(text: str, times: Times) -> None:
    assert "01:30" in on(AUTUMN, {"crontab": text}, times, "adjust", "Europe/Berlin")


@pytest.mark.parametrize("text", ["0,30 2 * * *", "30 2 * * *", "30 0-4 * * *"])
def test_crontab_lists_and_ranges_run_once(text: str, times: Times) -> None:
    assert "01:30" not in on(AUTUMN, {"crontab": text}, times, "adjust", "Europe/Berlin")


@pytest.mark.parametrize(
    ("zone", "args", "after", "wanted"),
    [
        # the day after is a day like any other (APScheduler's issues 529 and 606 lose it)
        (
            "Europe/Berlin",
            {"hour": 3},
            "2025-03-29 12:00",
            ["2025-03-30 01:00", "2025-03-31 01:00", "2025-04-01 01:00"],
        ),
        (
            "Europe/Berlin",
            {"hour": 0},
            "2025-10-25 12:00",
            ["2025-10-25 22:00", "2025-10-26 23:00", "2025-10-27 23:00"],
        ),
        (
            "America/New_York",
            {"day_of_week": "sun", "hour": 2, "minute": 30},
            "2025-03-02 12:00",
            ["2025-03-09 07:00", "2025-03-16 06:30", "2025-03-23 06:30"],
        ),
        # a gap at midnight
        (
            "America/Sao_Paulo",
            {"hour": 0},
            "2018-11-03 12:00",
            ["2018-11-04 03:00", "2018-11-05 02:00", "2018-11-06 02:00"],
        ),
        (
            "Asia/Beirut",
            {"hour": 0, "minute": 30},
            "2025-03-29 12:00",
            ["2025-03-29 22:00", "2025-03-30 21:30", "2025-03-31 21:30"],
        ),
        # an overlap over midnight: 24:00 -> 23:00 of the same day
        (
            "America/Sao_Paulo",
            {"hour": 23, "minute": 30},
            "2018-02-17 12:00",
            ["2018-02-18 01:30", "2018-02-19 02:30", "2018-02-20 02:30"],
        ),
        # half an hour, and two hours
        (
            "Australia/Lord_Howe",
            {"hour": 2, "minute": 15},
            "2025-10-04 00:00",
            ["2025-10-04 15:30", "2025-10-05 15:15", "2025-10-06 15:15"],
        ),
        (
            "Antarctica/Troll",
            {"hour": 2},
            "2025-03-29 12:00",
            ["2025-03-30 01:00", "2025-03-31 00:00", "2025-04-01 00:00"],
        ),
        # Samoa had no 30 December 2011, Kwajalein no 21 August 1993
        (
            "Pacific/Apia",
            {"hour": 9},
            "2011-12-29 12:00",
            ["2011-12-29 19:00", "2011-12-30 19:00", "2011-12-31 19:00"],
        ),
        (
            "Pacific/Kwajalein",
            {"hour": 0},
            "1993-08-19 12:30",
            ["1993-08-20 12:00", "1993-08-21 12:00", "1993-08-22 12:00"],
        ),
        # an offset of -0:44:30 until 1972
        (
            "Africa/Monrovia",
            {"hour": 0, "minute": 20},
            "1972-01-05 12:00",
            ["1972-01-06 01:04:30", "1972-01-07 00:44:30", "1972-01-08 00:20"],
        ),
    ],
)
def test_days_around_a_change(
    zone: str, args: dict[str, object], after: str, wanted: list[str], times: Times
) -> None:
    found = times("cron", args, after, timezone=zone, count=3)
    assert found == [time if time.count(":") == 2 else f"{time}:00" for time in wanted]


def test_a_skipped_day_is_no_day_in_any_mode(times: Times) -> None:
    for dst in ("adjust", "skip", "both"):
        found = times(
            "cron", {"hour": 9}, "2011-12-29 12:00", timezone="Pacific/Apia", dst=dst, count=2
        )
        assert found == ["2011-12-29 19:00:00", "2011-12-30 19:00:00"]


def test_a_date_that_never_was_can_never_fire(refused: Refused) -> None:
    args: dict[str, object] = {"year": 2011, "month": 12, "day": 30, "hour": 9}
    assert "never fire" in str(refused("cron", args, timezone="Pacific/Apia"))
    in_gap: dict[str, object] = {"year": 2025, "month": 3, "day": 30, "hour": 2}
    assert "dst" in str(refused("cron", in_gap, timezone="Europe/Berlin", dst="skip"))
    assert parse("cron", in_gap, timezone="Europe/Berlin").next_after(0)


def test_a_time_that_is_in_a_gap_every_year_ends_soon(refused: Refused) -> None:
    args: dict[str, object] = {"month": 3, "day": "last sun", "hour": 2, "minute": "*/15"}
    now = 1_735_689_600 * 10**6
    assert parse("cron", args, timezone="Europe/Berlin").next_after(now) is None
    since = {**args, "start_date": "2025-01-01"}
    assert "never fire" in str(refused("cron", since, timezone="Europe/Berlin"))


def test_dst_must_be_known(refused: Refused) -> None:
    error = refused("cron", {"hour": 1}, dst="adjusted")
    assert error.field == "dst"
    assert "'adjust'" in str(error)
    assert refused("interval", {"hours": 1}, dst=None).field == "dst"


def test_the_instants_of_a_preview_are_those_of_the_trigger() -> None:
    trigger = parse("cron", FIXED, timezone="Europe/Berlin", dst="both")
    found = preview("cron", FIXED, timezone="Europe/Berlin", dst="both", count=400)
    instants = [from_datetime(moment) for moment in found]
    assert all(trigger.next_after(earlier) == later for earlier, later in pairwise(instants))
