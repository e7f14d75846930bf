"""Intervals in real elapsed time, and single dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from rota.core.time import DAY, HOUR, MINUTE, SECOND, from_datetime
from rota.errors import TriggerError
from rota.triggers import count_between, parse
from tests.unit.triggers.conftest import Refused, Times


def test_the_period_is_the_sum() -> None:
    trigger = parse(
        "interval", {"weeks": 1, "days": 1, "hours": 1, "minutes": 0.5, "seconds": 1}, anchor=0
    )
    assert trigger.next_after(0) == 8 * DAY + HOUR + MINUTE // 2 + SECOND


def test_an_interval_counts_from_its_anchor_in_both_directions() -> None:
    trigger = parse("interval", {"minutes": 5}, anchor=10 * DAY + 7)
    assert trigger.next_after(10 * DAY + 7) == 10 * DAY + 5 * MINUTE + 7
    assert trigger.last_before(10 * DAY + 5 * MINUTE + 6) == 10 * DAY + 7
    assert trigger.next_after(9 * DAY) == 9 * DAY + 7


def test_without_any_anchor_it_counts_from_1970() -> None:
    assert parse("interval", {"days": 1}).next_after(0) == DAY


def test_start_date_is_the_first_instant_and_wins_over_the_anchor() -> None:
    trigger = parse("interval", {"hours": 1, "start_date": "1970-01-02"}, anchor=5)
    assert trigger.next_after(0) == DAY
    assert trigger.next_after(DAY) == DAY + HOUR


def test_end_date_is_included() -> None:
    trigger = parse("interval", {"hours": 1, "end_date": "1970-01-01 02:00"})
    assert trigger.next_after(HOUR) == 2 * HOUR
    assert trigger.next_after(2 * HOUR) is None
    assert trigger.last_before(10**18) == 2 * HOUR


def test_days_are_24_hours_across_a_clock_change(times: Times) -> None:
    args: dict[str, object] = {"days": 1, "start_date": "2025-03-29 09:00"}
    found = times("interval", args, "2025-03-28", timezone="Europe/Berlin", count=2)
    assert found == ["2025-03-29 08:00:00", "2025-03-30 08:00:00"]  # 10:00 in Berlin


def test_preview_counts_from_after(times: Times) -> None:
    assert times("interval", {"minutes": 5}, "2025-01-01 00:01", count=1) == ["2025-01-01 00:06:00"]


def test_counting_years_of_milliseconds_is_arithmetic() -> None:
    trigger = parse("interval", {"seconds": 0.001})
    assert count_between(trigger, 0, 1000 * 365 * DAY) == 1000 * 365 * 86_400_000
    assert count_between(trigger, 5, 4) == 0


@pytest.mark.parametrize(
    ("args", "field", "said"),
    [
        ({}, "seconds", "too short"),
        ({"hours": 0, "minutes": 0}, "hours", "too short"),
        ({"seconds": 0.0001}, "seconds", "too short"),
        ({"seconds": -1}, "seconds", "below zero"),
        ({"minutes": "5"}, "minutes", "not a number"),
        ({"minutes": True}, "minutes", "not a number"),
        ({"minutes": [5]}, "minutes", "not a number"),
        ({"minutes": float("nan")}, "minutes", "not a finite number"),
        ({"minutes": float("inf")}, "minutes", "not a finite number"),
        ({"weeks": 10**30}, "weeks", "longer than time lasts"),
        ({"weeks": 10**5000}, "weeks", "longer than time lasts"),
        ({"weeks": 1e300}, "weeks", "longer than time lasts"),
        ({"weeks": 400_000, "days": 500_000}, "weeks", "after the year 9999"),
        ({"minute": 5}, "minute", "Did you mean 'minutes'?"),
        (
            {"hours": 1, "start_date": "2025-01-02", "end_date": "2025-01-01"},
            "end_date",
            "before start_date",
        ),
    ],
)
def test_what_is_no_interval(
    args: dict[str, object], field: str, said: str, refused: Refused
) -> None:
    error = refused("interval", args)
    assert error.field == field
    assert said in str(error)


@pytest.mark.parametrize(
    ("value", "zone", "wanted"),
    [
        ("2024-12-25 00:00:00", "UTC", "2024-12-25T00:00:00"),
        ("2024-12-25", "Europe/Berlin", "2024-12-24T23:00:00"),
        ("2024-12-25T09:30", "America/New_York", "2024-12-25T14:30:00"),
        ("2024-12-25 09:30:15.5", "UTC", "2024-12-25T09:30:15.500000"),
        ("2024-12-25T09:30:00Z", "Europe/Berlin", "2024-12-25T09:30:00"),
        ("2024-12-25T09:30:00-05:30", "Europe/Berlin", "2024-12-25T15:00:00"),
        ("2025-03-30 02:30", "Europe/Berlin", "2025-03-30T01:00:00"),  # in a gap
        ("2025-10-26 02:30", "Europe/Berlin", "2025-10-26T00:30:00"),  # in an overlap
        (datetime(2025, 10, 26, 2, 30, fold=1), "Europe/Berlin", "2025-10-26T01:30:00"),
        (date(2024, 12, 25), "Asia/Tokyo", "2024-12-24T15:00:00"),
        (datetime(2024, 12, 25, 9), "Asia/Tokyo", "2024-12-25T00:00:00"),
        (datetime(2024, 12, 25, 9, tzinfo=UTC), "Asia/Tokyo", "2024-12-25T09:00:00"),
        ("1901-01-01 12:00", "Europe/Paris", "1901-01-01T11:50:39"),  # before zones
        ("0001-01-01", "UTC", "0001-01-01T00:00:00"),
        ("9999-12-31 23:59:59", "UTC", "9999-12-31T23:59:59"),
    ],
)
def test_a_date_runs_once(value: object, zone: str, wanted: str) -> None:
    trigger = parse("date", {"run_date": value}, timezone=zone)
    instant = from_datetime(datetime.fromisoformat(wanted).replace(tzinfo=UTC))
    assert trigger.next_after(-(10**18)) == instant
    assert trigger.next_after(instant) is None
    assert trigger.last_before(instant) == instant
    assert trigger.last_before(instant - 1) is None


class Broken(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("broken")

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "broken"


@pytest.mark.parametrize(
    "value",
    [
        *("tomorrow", "2024-13-01", "2024-02-30", "2024-12-25 24:00", "2024-12-25 9", "", " "),
        *("0000-01-01", "2024-12-25 09:00:00+25:00", "2024-12-25 09:00+02:60", "20241225"),
        *("２０２４-12-25", "2024-12-25\0", "2024-12-25 09:00:00.1234567", "x" * 10_000),
        *(None, True, 5, 1.5, 10**30, ["2024-12-25"], b"2024-12-25"),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(2024, 1, 1, tzinfo=Broken()),
    ],
)
def test_what_is_no_date(value: object, refused: Refused) -> None:
    error = refused("date", {"run_date": value})
    assert error.field == "run_date"


def test_a_date_outside_the_calendar_is_refused(refused: Refused) -> None:
    for zone, text in (("America/New_York", "9999-12-31 23:00"), ("Asia/Tokyo", "0001-01-01")):
        error = refused("date", {"run_date": text}, timezone=zone)
        assert error.field == "run_date"


def test_a_date_needs_its_date_and_nothing_else(refused: Refused) -> None:
    assert refused("date", {}).field == "run_date"
    assert refused("date", {"run_date": "2025-01-01", "hour": 9}).field == "hour"
    assert "'run_date'" in str(refused("date", {"run_dat": "2025-01-01"}))


def test_a_zone_beside_the_date() -> None:
    args = {"run_date": "2025-01-01 09:00", "timezone": ZoneInfo("Asia/Tokyo")}
    assert parse("date", args).timezone == "Asia/Tokyo"


def test_a_date_is_shown_in_what_is_wrong_with_it(refused: Refused) -> None:
    end, start = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)
    error = refused("interval", {"hours": 1, "start_date": start, "end_date": end})
    assert "end_date=2025-01-01T00:00:00+00:00: before start_date" in str(error)


@pytest.mark.parametrize(
    ("trigger", "name", "remedy"),
    [
        ("after", "task", "Did you mean 'tasks'?"),
        ("interval", "minute", "Did you mean 'minutes'?"),
        ("cron", "hours", "Did you mean 'hour'?"),
        ("interval", "start_time", "Write start_date in the trigger's arguments."),
        ("after", "max_age", "Write start_deadline, in seconds."),
    ],
)
def test_an_unknown_argument_is_answered_with_the_one_that_was_meant(
    trigger: str, name: str, remedy: str
) -> None:
    """One and several are confused by more people than the words of other schedulers."""
    with pytest.raises(TriggerError) as caught:
        parse(trigger, {name: 1}, anchor=1)
    assert remedy in str(caught.value)
