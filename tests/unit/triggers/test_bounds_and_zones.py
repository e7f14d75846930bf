"""start_date, end_date, timezone and jitter."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rota.core.time import DAY, SECOND
from rota.triggers import parse, start_delay, tz_version
from tests.unit.triggers.conftest import Refused, Times


def test_the_time_zones_say_of_which_release_they_are() -> None:
    assert re.fullmatch(r"20[0-9]{2}[a-z]|", tz_version())
    assert tz_version() or not Path("/usr/share/zoneinfo/tzdata.zi").exists()


def test_both_bounds_are_included(times: Times) -> None:
    args: dict[str, object] = {
        "hour": 9,
        "start_date": "2025-01-02 09:00",
        "end_date": "2025-01-03T09:00:00",
    }
    found = ["2025-01-02 09:00:00", "2025-01-03 09:00:00"]
    assert times("cron", args, "2025-01-01") == found
    assert times("cron", args, "2025-01-02 09:00") == found[1:]


def test_bounds_between_two_seconds(times: Times) -> None:
    args: dict[str, object] = {
        "second": "*",
        "start_date": "2025-01-01 00:00:00.5",
        "end_date": "2025-01-01 00:00:02.5",
    }
    assert times("cron", args, "2024-01-01") == ["2025-01-01 00:00:01", "2025-01-01 00:00:02"]


def test_naive_bounds_are_read_in_the_zone(times: Times) -> None:
    args: dict[str, object] = {"hour": 9, "start_date": "2025-01-02", "timezone": "Asia/Tokyo"}
    assert times("cron", args, "2025-01-01", count=1) == ["2025-01-02 00:00:00"]


def test_last_before_keeps_to_the_bounds() -> None:
    args = {"hour": 0, "start_date": "1970-01-03", "end_date": "1970-01-05"}
    trigger = parse("cron", args)
    assert trigger.last_before(2 * DAY - 1) is None
    assert trigger.last_before(2 * DAY) == 2 * DAY
    assert trigger.last_before(100 * DAY) == 4 * DAY


@pytest.mark.parametrize(
    "args",
    [
        {"hour": 9, "start_date": "2025-01-02", "end_date": "2025-01-01"},
        {"hour": 9, "start_date": "2025-01-01 10:00", "end_date": "2025-01-02 08:00"},
        {"year": 2020, "start_date": "2021-01-01"},
        {"hour": 9, "end_date": "1970-01-01"},
    ],
)
def test_bounds_that_leave_nothing_are_refused(args: dict[str, object], refused: Refused) -> None:
    assert "start_date" in str(refused("cron", args))


class Pytz(tzinfo):
    """Names its zone as the zones of pytz do."""

    zone = "Europe/Berlin"

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise AssertionError("only the name counts")

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "CET"


@pytest.mark.parametrize("value", ["Europe/Berlin", ZoneInfo("Europe/Berlin"), Pytz()])
def test_a_zone_by_name_or_object(value: object) -> None:
    assert parse("cron", {"hour": 9, "timezone": value}).timezone == "Europe/Berlin"


def test_the_argument_wins_over_the_parameter() -> None:
    args = {"hour": 9, "timezone": UTC}
    assert parse("cron", args, timezone="Asia/Tokyo").timezone == "UTC"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Europe/Berlim", "'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("Berlin", "'Europe/Berlin'"),
        ("new york", "'America/New_York'"),
        ("Nowhere/Atlantis-on-Sea", "Write one like 'Europe/Berlin'."),
        ("localtime", ""),
        ("right/UTC", ""),
        ("posix/UTC", ""),
        ("../../etc/passwd", ""),
        ("/etc/localtime", ""),
        ("America", ""),
        ("Europe/Berlin\0", ""),
        ("\ud800", ""),
        ("é", ""),
        ("", ""),
        ("A" * 10_000, ""),
        ("a/" * 5_000, ""),
        (1, "not the name of a time zone"),
        (timezone(timedelta(hours=2)), "not the name of a time zone"),
    ],
)
def test_an_unknown_zone_is_refused(value: object, said: str, refused: Refused) -> None:
    for error in (
        refused("cron", {"hour": 9, "timezone": value}),
        refused("interval", {"hours": 9}, timezone=value),
        refused("date", {"run_date": "2025-01-01", "timezone": value}),
    ):
        assert error.field == "timezone"
        assert said in str(error)


@pytest.mark.parametrize("value", [-1, True, "5", float("nan"), float("inf"), 10**30, 4e7])
def test_what_is_no_jitter(value: object, refused: Refused) -> None:
    assert refused("cron", {"hour": 9, "jitter": value}).field == "jitter"
    assert refused("interval", {"hours": 9, "jitter": value}).field == "jitter"


def test_jitter_delays_the_start_and_never_the_instant() -> None:
    plain = parse("interval", {"minutes": 1})
    jittered = parse("interval", {"minutes": 1, "jitter": 10})
    assert jittered.next_after(0) == plain.next_after(0)
    assert start_delay(plain, "task", 60 * SECOND) == 0
    delays = [start_delay(jittered, "task", minute * 60 * SECOND) for minute in range(1000)]
    assert 0 <= min(delays) < SECOND
    assert 9 * SECOND < max(delays) <= 10 * SECOND
    assert 4.5 * SECOND < sum(delays) / 1000 < 5.5 * SECOND
    assert start_delay(jittered, "other", 0) != start_delay(jittered, "task", 0)


def test_the_delay_stays_what_it_was() -> None:
    """A change of the hash would move the starts of every installation."""
    jittered = parse("interval", {"minutes": 1, "jitter": 10})
    assert start_delay(jittered, "task", 60 * SECOND) == 4_911_910
    assert 0 <= start_delay(jittered, "task\ud800", 0) <= 10 * SECOND
