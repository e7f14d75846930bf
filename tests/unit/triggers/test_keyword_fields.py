"""Cron fields by keyword, in APScheduler's syntax."""

from __future__ import annotations

from enum import Enum, IntEnum

import pytest

from rota.triggers import parse, preview
from tests.unit.triggers.conftest import Refused, Times

START = "2025-01-01 00:00"


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ({"hour": 9}, ["2025-01-01 09:00:00", "2025-01-02 09:00:00"]),
        ({"hour": "9", "minute": 30}, ["2025-01-01 09:30:00", "2025-01-02 09:30:00"]),
        ({"hour": "09"}, ["2025-01-01 09:00:00", "2025-01-02 09:00:00"]),
        ({"minute": "*/15"}, ["2025-01-01 00:15:00", "2025-01-01 00:30:00"]),
        ({"minute": 5}, ["2025-01-01 00:05:00", "2025-01-01 01:05:00"]),
        ({"second": "*/20"}, ["2025-01-01 00:00:20", "2025-01-01 00:00:40"]),
        ({"hour": "*/12"}, ["2025-01-01 12:00:00", "2025-01-02 00:00:00"]),
        ({"hour": "8-10/2"}, ["2025-01-01 08:00:00", "2025-01-01 10:00:00"]),
        ({"hour": "20/2"}, ["2025-01-01 20:00:00", "2025-01-01 22:00:00"]),
        ({"hour": " 3 , 5 "}, ["2025-01-01 03:00:00", "2025-01-01 05:00:00"]),
        ({"day": 5}, ["2025-01-05 00:00:00", "2025-02-05 00:00:00"]),
        ({"day": "last"}, ["2025-01-31 00:00:00", "2025-02-28 00:00:00"]),
        ({"day": "2nd fri"}, ["2025-01-10 00:00:00", "2025-02-14 00:00:00"]),
        ({"day": "Last  SUN"}, ["2025-01-26 00:00:00", "2025-02-23 00:00:00"]),
        ({"day": "1st mon, last"}, ["2025-01-06 00:00:00", "2025-01-31 00:00:00"]),
        ({"day": "5th thu"}, ["2025-01-30 00:00:00", "2025-05-29 00:00:00"]),
        ({"month": "feb"}, ["2025-02-01 00:00:00", "2026-02-01 00:00:00"]),
        ({"month": "Mar-MAY"}, ["2025-03-01 00:00:00", "2025-04-01 00:00:00"]),
        ({"month": "*/6", "day": 2}, ["2025-01-02 00:00:00", "2025-07-02 00:00:00"]),
        ({"year": 2027}, ["2027-01-01 00:00:00"]),
        ({"year": "2026-2030/2"}, ["2026-01-01 00:00:00", "2028-01-01 00:00:00"]),
        ({"week": 2}, ["2025-01-06 00:00:00", "2025-01-07 00:00:00"]),
        ({"week": 53, "day_of_week": "mon"}, ["2026-12-28 00:00:00", "2032-12-27 00:00:00"]),
        ({"week": 1, "day_of_week": 6}, ["2025-01-05 00:00:00", "2026-01-04 00:00:00"]),
        ({"day_of_week": 0, "hour": 9}, ["2025-01-06 09:00:00", "2025-01-13 09:00:00"]),
        ({"day_of_week": "mon-fri"}, ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        ({"day_of_week": "SAT,sun"}, ["2025-01-04 00:00:00", "2025-01-05 00:00:00"]),
        ({"day": 13, "day_of_week": "fri"}, ["2025-06-13 00:00:00", "2026-02-13 00:00:00"]),
        ({"month": 12, "day": 31, "hour": 23}, ["2025-12-31 23:00:00", "2026-12-31 23:00:00"]),
        (
            {"year": "*", "month": "*", "day": "*", "hour": "*", "minute": "*", "second": 0},
            ["2025-01-01 00:01:00", "2025-01-01 00:02:00"],
        ),
    ],
)
def test_what_a_field_means(args: dict[str, object], wanted: list[str], times: Times) -> None:
    assert times("cron", args, START, count=2) == wanted


@pytest.mark.parametrize(
    ("args", "field", "said"),
    [
        ({"hour": 24}, "hour", "not in 0-23"),
        ({"hour": -1}, "hour", "'-1' is not understood"),
        ({"minute": "60"}, "minute", "not in 0-59"),
        ({"week": 54}, "week", "not in 1-53"),
        ({"week": 0}, "week", "not in 1-53"),
        ({"day": 32}, "day", "not in 1-31"),
        ({"month": 0}, "month", "not in 1-12"),
        ({"year": 1969}, "year", "not in 1970-9999"),
        ({"year": 10_000}, "year", "not in 1970-9999"),
        ({"day_of_week": 7}, "day_of_week", "not in 0-6"),
        ({"day_of_week": "fri-mon"}, "day_of_week", "Write 'fri-sun,mon'."),
        ({"hour": "22-2"}, "hour", "Write '22-23,0-2'."),
        ({"day_of_week": "mon-fri/2"}, "day_of_week", "a name goes with"),
        ({"day_of_week": "mon-4"}, "day_of_week", "a name goes with"),
        ({"day_of_week": "monday"}, "day_of_week", "Did you mean 'mon'?"),
        ({"month": "sept"}, "month", "Did you mean 'sep'?"),
        ({"month": "janu-mar"}, "month", "Did you mean 'jan'?"),
        ({"day": "lastly"}, "day", "no name of this field"),
        ({"day": "2nd friday"}, "day", "Did you mean 'fri'?"),
        ({"day": "6th fri"}, "day", "no position"),
        ({"day": "2nd 4"}, "day", "'4' is no weekday"),
        ({"day": "fri"}, "day", "no name of this field"),
        ({"minute": "*/0"}, "minute", "the step in '*/0' is 0"),
        ({"minute": "*/60"}, "minute", "a step of at most 59"),
        ({"minute": "50-55/6"}, "minute", "a step of at most 5"),
        ({"hour": "5-5/1"}, "hour", "Leave the step out."),
        ({"hour": "*-5"}, "hour", "no start of a range"),
        ({"hour": "1 - 5"}, "hour", "without blanks"),
        ({"hour": ""}, "hour", "a value is missing"),
        ({"hour": "1,"}, "hour", "a value is missing"),
        ({"hour": "?"}, "hour", "Write '*'"),
        ({"hour": "0x10"}, "hour", "not understood"),
        ({"hour": "1_0"}, "hour", "not understood"),
        ({"hour": "1.0"}, "hour", "not understood"),
        ({"hour": "１"}, "hour", "not ASCII"),
        ({"hour": "9\x00"}, "hour", "not understood"),
        ({"hour": "\ud800"}, "hour", "not ASCII"),
        ({"hour": "9" * 5000}, "hour", "longer than 1000 characters"),
        ({"hour": "9" * 900}, "hour", "not in 0-23"),
        ({"hour": 10**5000}, "hour", "a number of"),
        ({"hour": 9.0}, "hour", "neither a number nor a text"),
        ({"hour": float("nan")}, "hour", "neither a number nor a text"),
        ({"hour": True}, "hour", "neither a number nor a text"),
        ({"hour": [1, 2]}, "hour", "neither a number nor a text"),
        ({"hour": b"9"}, "hour", "neither a number nor a text"),
        ({}, "trigger_args", "Say at least one of"),
        ({"jitter": 5}, "trigger_args", "Say at least one of"),
        ({"hours": 5}, "hours", "Did you mean 'hour'?"),
    ],
)
def test_what_is_not_understood_is_refused(
    args: dict[str, object], field: str, said: str, refused: Refused
) -> None:
    error = refused("cron", args)
    assert error.field == field
    assert said in str(error)
    assert len(str(error)) < 500


def test_an_error_names_all_mistakes(refused: Refused) -> None:
    error = refused("cron", {"hour": 25, "minut": 1, "day": "x", "timezone": "Mars", "jitter": -1})
    assert error.field == "minut"
    for part in ("minut", "hour=25", "day='x'", "timezone='Mars'", "jitter=-1"):
        assert part in str(error)


def test_a_misspelt_field_is_not_also_a_missing_one(refused: Refused) -> None:
    assert "at least one" not in str(refused("cron", {"minutes": "*/5"}))
    assert "too short" not in str(refused("interval", {"minute": 5}))


def test_text_is_cut_and_printable(refused: Refused) -> None:
    error = refused("cron", {"hour": "\0\ud800" + "é" * 5000})
    assert error.text.startswith("\\x00\\ud800é")
    assert len(error.text) < 120
    assert str(error).isprintable()


class Hour(IntEnum):
    NINE = 9


class Text(str, Enum):  # noqa: UP042 - str() of it is not its text
    NINE = "9"


@pytest.mark.parametrize("value", [Hour.NINE, Text.NINE])
def test_a_member_of_an_enum_counts_as_its_value(value: object) -> None:
    assert parse("cron", {"hour": value}).next_after(0) == 9 * 3600 * 10**6


def test_equal_rules_share_their_pattern() -> None:
    one, other = (parse("cron", {"hour": hour, "minute": 0}) for hour in (9, "9"))
    assert one.pattern is other.pattern  # type: ignore[attr-defined]


def test_the_years_end() -> None:
    assert parse("cron", {"year": 9999}).next_after(253_370_764_800 * 10**6) is None
    assert preview("cron", {"year": 9999})[0].year == 9999
