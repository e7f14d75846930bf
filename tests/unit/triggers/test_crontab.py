"""Crontab texts, with their Unix meaning."""

from __future__ import annotations

import pytest

from rota.triggers import parse
from tests.unit.triggers.conftest import Refused, Times

START = "2025-01-01 00:00"  # a Wednesday


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("*/15 9-17 * * mon-fri", ["2025-01-01 09:00:00", "2025-01-01 09:15:00"]),
        ("0 9 * * 0", ["2025-01-05 09:00:00", "2025-01-12 09:00:00"]),
        ("0 9 * * 7", ["2025-01-05 09:00:00", "2025-01-12 09:00:00"]),
        ("0 9 * * SUN", ["2025-01-05 09:00:00", "2025-01-12 09:00:00"]),
        ("0 9 * * 1", ["2025-01-06 09:00:00", "2025-01-13 09:00:00"]),
        ("0 0 * * 6-7", ["2025-01-04 00:00:00", "2025-01-05 00:00:00"]),
        ("0 0 * * sun-sat", ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        ("0 0 * * mon-fri/2", ["2025-01-03 00:00:00", "2025-01-06 00:00:00"]),
        ("0 0 * * 1-sat", ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        ("0 0 * * */7", ["2025-01-05 00:00:00", "2025-01-12 00:00:00"]),
        ("0 0 * feb,Apr *", ["2025-02-01 00:00:00", "2025-02-02 00:00:00"]),
        # day of month or day of week, where both are restricted
        ("0 0 13 * fri", ["2025-01-03 00:00:00", "2025-01-10 00:00:00"]),
        ("0 0 4 * fri", ["2025-01-03 00:00:00", "2025-01-04 00:00:00"]),
        # a field that begins with a star counts as unrestricted: and
        ("0 0 */2 * fri", ["2025-01-03 00:00:00", "2025-01-17 00:00:00"]),
        ("0 0 13 * */5", ["2025-04-13 00:00:00", "2025-06-13 00:00:00"]),
        ("0 0 L * *", ["2025-01-31 00:00:00", "2025-02-28 00:00:00"]),
        ("0 0 LW * *", ["2025-01-31 00:00:00", "2025-02-28 00:00:00"]),
        ("0 0 lw 5-8 *", ["2025-05-30 00:00:00", "2025-06-30 00:00:00"]),
        ("0 0 15,L * *", ["2025-01-15 00:00:00", "2025-01-31 00:00:00"]),
        ("0 0 * * 5L", ["2025-01-31 00:00:00", "2025-02-28 00:00:00"]),
        ("0 0 * * friL", ["2025-01-31 00:00:00", "2025-02-28 00:00:00"]),
        ("0 0 * * 7L", ["2025-01-26 00:00:00", "2025-02-23 00:00:00"]),
        ("0 0 * * fri#2", ["2025-01-10 00:00:00", "2025-02-14 00:00:00"]),
        ("0 0 * * 0#1,3#5", ["2025-01-05 00:00:00", "2025-01-29 00:00:00"]),
        ("5/20 * * * *", ["2025-01-01 00:05:00", "2025-01-01 00:25:00"]),
        ("*/60 */24 * * *", ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        (" \t0  9 *\t* * \n", ["2025-01-01 09:00:00", "2025-01-02 09:00:00"]),
        ("@hourly", ["2025-01-01 01:00:00", "2025-01-01 02:00:00"]),
        ("@daily", ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        ("@midnight", ["2025-01-02 00:00:00", "2025-01-03 00:00:00"]),
        ("@weekly", ["2025-01-05 00:00:00", "2025-01-12 00:00:00"]),
        ("@monthly", ["2025-02-01 00:00:00", "2025-03-01 00:00:00"]),
        ("@yearly", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"]),
        ("@Annually", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"]),
    ],
)
def test_what_a_crontab_means(text: str, wanted: list[str], times: Times) -> None:
    assert times("cron", {"crontab": text}, START, count=2) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("0 9 * *", "4 fields instead of five"),
        ("0 0 9 * * *", "For seconds use the keyword fields"),
        ("0 9 * * * root backup", "nothing else"),
        ("0 9 * * * # nightly", "nothing else"),
        ("TZ=Europe/Berlin 0 9 * * *", "timezone="),
        ("0 9 * * *\n0 10 * * *", "9 fields instead of five"),
        ("60 * * * *", "minute '60': '60' is not in 0-59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "day_of_week '8'"),
        ("0 9 * * fri-mon", "Write 'fri-sat,sun-mon'."),
        ("0 9 * * sat-sun", "Write 'sat,sun'."),
        ("0 22-2 * * *", "Write '22-23,0-2'."),
        ("0 22-4/2 * * *", "Write '22-23/2,0-4/2'."),
        ("0 9 * * monday", "Did you mean 'mon'?"),
        ("0 9 * sept *", "Did you mean 'sep'?"),
        ("*/0 * * * *", "the step in '*/0' is 0"),
        ("*/90 * * * *", "a step of at most 60"),
        ("0 9 ? * *", "Write '*'"),
        ("0 9 * * L", "Write '5L'"),
        ("0 9 * * 9L", "no weekday"),
        ("0 9 * * fri#6", "Write '#1' to '#5'."),
        ("0 9 * * mon-fri#1", "not understood"),
        ("0 9 * * xyz#1", "no weekday"),
        ("@reboot", "names no time"),
        ("@fortnightly", "Known: @yearly"),
        ("１ 9 * * *", "not ASCII"),
        ("* * * * *" * 200, "longer than 1000"),
        ("0 0 31 2 *", "can never fire"),
        ("0 0 30,31 2 *", "can never fire"),
        (5, "not a text"),
        (["0 9 * * *"], "not a text"),
    ],
)
def test_what_is_not_understood_is_refused(text: object, said: str, refused: Refused) -> None:
    error = refused("cron", {"crontab": text})
    assert error.field == "crontab"
    assert said in str(error)


def test_all_parts_that_are_wrong_are_named(refused: Refused) -> None:
    said = str(refused("cron", {"crontab": "61 25 * * mon"}))
    assert "minute '61'" in said
    assert "hour '25'" in said


def test_crontab_and_fields_do_not_mix(refused: Refused) -> None:
    error = refused("cron", {"crontab": "0 9 * * *", "hour": 9})
    assert "given together with hour" in str(error)


def test_31_february_or_a_monday_has_mondays() -> None:
    assert parse("cron", {"crontab": "0 0 31 2 mon"}).next_after(0) is not None


def test_crontabs_take_a_zone_and_bounds(times: Times) -> None:
    args: dict[str, object] = {
        "crontab": "0 9 * * *",
        "timezone": "Asia/Tokyo",
        "start_date": "2025-02-01",
        "end_date": "2025-02-02 09:00",
    }
    assert times("cron", args, START) == ["2025-02-01 00:00:00", "2025-02-02 00:00:00"]
