"""Roll rules: each day against numpy's business day functions, each instant against a list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime, to_datetime
from rota.triggers import Trigger, between, count_between, describe, firing, parse, preview
from rota.triggers.calendars import CalendarTrigger, Roll, calendar_of
from rota.triggers.calendars.days import FIRST_DAY
from rota.triggers.calendars.rolls import rolled_day

BERLIN: dict[str, Any] = {"name": "de", "country": "DE", "subdivision": "BE"}
NUMPY: dict[Roll, Any] = {
    Roll.NEXT: "following",
    Roll.PREVIOUS: "preceding",
    Roll.MODIFIED_FOLLOWING: "modifiedfollowing",
    Roll.MODIFIED_PRECEDING: "modifiedpreceding",
}


def number(day: date) -> int:
    return day.toordinal() - FIRST_DAY


@pytest.mark.parametrize("weekend", ["sat,sun", "fri,sat", "sun", "none"])
@pytest.mark.parametrize("roll", NUMPY)
def test_ten_years_roll_as_numpy_rolls_them(roll: Roll, weekend: str) -> None:
    calendar = calendar_of({**BERLIN, "weekend": weekend})
    days = range(number(date(2020, 1, 1)), number(date(2030, 1, 1)))
    holidays = [day for day in range(days[0] - 40, days[-1] + 40) if calendar.holiday(day)]
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    mask = "".join("0" if name in weekend else "1" for name in names)
    wanted = np.busday_offset(
        np.array(days, dtype="datetime64[D]"),
        0,
        roll=NUMPY[roll],
        weekmask=mask,
        holidays=np.array(holidays, dtype="datetime64[D]"),
    ).astype(int)
    assert [rolled_day(calendar, roll, day) for day in days] == list(wanted)


# --- instants ------------------------------------------------------------------------------------

RULES: list[tuple[str, dict[str, Any]]] = [
    ("cron", {"crontab": "30 2,18 * * *"}),  # 02:30 is in both changes of the clocks
    ("cron", {"crontab": "*/40 1-4 * * *"}),
    ("cron", {"crontab": "0 9 * * sat,sun"}),
    ("cron", {"hour": 0}),
    ("interval", {"hours": 7, "start_date": "2026-01-01"}),
    ("interval", {"minutes": 50, "start_date": "2026-01-01"}),
    ("any", {"of": [{"crontab": "0 9 31 * *"}, {"crontab": "15 2 * * *"}]}),
    ("date", {"run_date": "2026-12-25 09:00"}),
]
MOVING = [roll for roll in Roll if roll.moves]
WINDOWS = [date(2026, 3, 20), date(2026, 10, 16), date(2026, 12, 18), date(2026, 5, 20)]
"""Clocks forward on a Sunday, clocks back on a Sunday, Christmas, a Whitsun at the end of May."""


def naive(nominal: Instant, roll: Roll, zone: str, skips: bool) -> Instant | None:
    """Return where an occurrence moves, computed in the plainest way."""
    local = to_datetime(nominal).astimezone(ZoneInfo(zone))
    day = number(local.date())
    target = rolled_day(calendar_of(BERLIN), roll, day)
    assert target is not None
    if target == day:
        return nominal
    there = (local.replace(tzinfo=None) + timedelta(target - day)).replace(tzinfo=ZoneInfo(zone))
    back = there.astimezone(UTC).astimezone(ZoneInfo(zone))
    if back.replace(tzinfo=None) != there.replace(tzinfo=None):  # in a gap: at its end
        if skips:
            return None
        second = int(there.replace(fold=1).astimezone(UTC).timestamp())
        while to_datetime((second + 1) * SECOND).astimezone(ZoneInfo(zone)).replace(
            tzinfo=None
        ) < there.replace(tzinfo=None):
            second += 1
        return (second + 1) * SECOND
    return from_datetime(there.replace(fold=0))


@settings(max_examples=120, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    roll=st.sampled_from(MOVING),
    begin=st.sampled_from(WINDOWS),
    zone=st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]),
    dst=st.sampled_from(["adjust", "skip", "both"]),
)
def test_an_occurrence_moves_where_its_day_rolls_and_two_on_one_instant_are_one(
    rule: tuple[str, dict[str, Any]], roll: Roll, begin: date, zone: str, dst: str
) -> None:
    kind, args = rule
    plain = parse(kind, args, timezone=zone, dst=dst)
    rolled = parse(kind, {**args, "calendar": BERLIN, "roll": roll.value}, timezone=zone, dst=dst)
    first = number(begin) * DAY
    until = first + 24 * DAY
    nominal = between(plain, first - 12 * DAY, until + 12 * DAY, 10_000)
    moved = {naive(one, roll, zone, dst == "skip") for one in nominal}
    wanted = sorted(one for one in moved if one is not None and first < one <= until)
    assert between(rolled, first, until, 10_000) == wanted
    assert backwards(rolled, first, until) == wanted
    assert isinstance(rolled, CalendarTrigger)
    for one in wanted[:40]:
        assert naive(rolled.nominal_of(one), roll, zone, dst == "skip") == one
    for at in range(first, until, 7 * HOUR + 13 * MINUTE):
        index = bisect_right(wanted, at)
        if index < len(wanted):
            assert rolled.next_after(at) == wanted[index]
        if bisect_left(wanted, at) > 0 and index:
            assert rolled.last_before(at) == wanted[index - 1]


def backwards(rule: Trigger, first: Instant, until: Instant) -> list[Instant]:
    found: list[Instant] = []
    at = rule.last_before(until)
    while at is not None and at > first:
        found.append(at)
        at = rule.last_before(at - 1)
    return found[::-1]


def texts(args: dict[str, Any], count: int = 4, after: str = "2026-12-23") -> list[str]:
    found = preview(
        "cron",
        {"calendar": BERLIN, **args},
        timezone="Europe/Berlin",
        after=datetime.fromisoformat(after),
        count=count,
    )
    return [f"{one.astimezone(ZoneInfo('Europe/Berlin')):%m-%d %H:%M}" for one in found]


def test_a_skipped_occurrence_is_named_and_says_why_and_does_not_fire() -> None:
    rule = parse("cron", {"crontab": "0 9 * * *", "calendar": BERLIN}, timezone="Europe/Berlin")
    noon = from_datetime(datetime(2026, 12, 25, 8, tzinfo=UTC))
    assert rule.last_before(noon) == noon
    assert isinstance(rule, CalendarTrigger)
    assert rule.why_skipped(noon) == "2026-12-25 is Christmas Day (calendar de)"
    assert rule.why_skipped(noon + 2 * DAY) == ("2026-12-27 is a Sunday (weekend of calendar de)")
    assert firing(rule).next_after(noon - 1) == noon + 3 * DAY
    assert firing(rule).last_before(noon + 2 * DAY) == noon - DAY
    assert texts({"crontab": "0 9 * * *"}) == [
        *("12-23 09:00", "12-24 09:00", "12-28 09:00", "12-29 09:00")
    ]


def test_only_the_other_days_are_named_alone() -> None:
    assert texts({"crontab": "0 9 * * *", "roll": "only"}) == [
        *("12-25 09:00", "12-26 09:00", "12-27 09:00", "01-01 09:00")
    ]


def test_the_bounds_are_those_of_the_moved_instants() -> None:
    weekly = {"crontab": "0 9 * * sat", "roll": "next", "start_date": "2026-12-27"}
    assert texts(weekly, 1) == ["12-28 09:00"]  # of Saturday the 26th, before start_date
    until = {"crontab": "0 9 * * sat", "roll": "next", "end_date": "2026-12-27"}
    assert texts(until, 9) == []


def test_business_days_of_the_month_are_those_of_numpy() -> None:
    calendar = calendar_of(BERLIN)
    args = {"day": "3rd business, last business", "hour": 18}
    found = {text[:5] for text in texts(args, 24, "2026-01-01")}
    wanted = set()
    for month in range(1, 13):
        begin = np.datetime64(f"2026-{month:02}", "M")
        end = begin + np.timedelta64(1, "M")
        holidays = [
            np.datetime64(day, "D") for day in range(20_300, 20_900) if calendar.holiday(day)
        ]
        first = np.busday_offset(begin.astype("M8[D]"), 2, roll="following", holidays=holidays)
        last = np.busday_offset(end.astype("M8[D]"), -1, roll="following", holidays=holidays)
        wanted |= {str(first)[5:], str(last)[5:]}
    assert found == wanted


def test_the_words_name_the_calendar() -> None:
    args = {"crontab": "0 9 * * *", "calendar": BERLIN}
    assert describe("cron", args) == "every day at 09:00, UTC, on business days of de"
    assert describe("cron", {**args, "roll": "next"}) == (
        "every day at 09:00, UTC, moved to the next business day of de"
    )
    assert describe("cron", {"crontab": "0 9 * * *", "except": {"calendar": BERLIN}}) == (
        "every day at 09:00, UTC, except (the holidays of de)"
    )


def test_text_names_business_days() -> None:
    args = {"text": "last business day of the month at 18:00", "calendar": BERLIN}
    said = describe("every", args)
    assert said == "on the last business day of every month at 18:00, UTC, on business days of de"
    found = preview("every", args, after=datetime(2026, 12, 1), count=1)
    assert found == [datetime(2026, 12, 31, 18, tzinfo=UTC)]


def test_the_holidays_of_a_calendar_are_an_exception() -> None:
    rule = parse("interval", {"seconds": 1, "except": [{"calendar": BERLIN}]})
    eve = from_datetime(datetime(2026, 12, 24, 23, 59, 59, tzinfo=UTC))
    assert rule.next_after(eve) == from_datetime(datetime(2026, 12, 27, tzinfo=UTC))
    assert rule.last_before(eve + 2 * DAY) == eve


def test_what_is_skipped_is_counted_by_arithmetic() -> None:
    rule = parse("interval", {"seconds": 1, "calendar": BERLIN})
    assert count_between(rule, 0, 10_000 * DAY) == 10_000 * 86_400
