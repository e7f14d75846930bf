"""Triggers in words."""

from __future__ import annotations

import pytest

from rota.errors import TriggerError
from rota.triggers import describe


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"day_of_week": "mon-fri", "hour": 9}, "every weekday at 09:00"),
        ({"hour": 0, "minute": 0}, "every day at 00:00"),
        ({"hour": 9, "minute": 0, "second": 30}, "every day at 09:00:30"),
        ({"day_of_week": "mon", "hour": 9}, "every Monday at 09:00"),
        (
            {"day_of_week": "sat,sun", "hour": "9,17"},
            "every Saturday and Sunday at 09:00 and 17:00",
        ),
        ({"day_of_week": "tue-thu"}, "every Tuesday to Thursday at 00:00"),
        ({"minute": "*/15"}, "every 15 minutes"),
        ({"minute": "0-59/15"}, "every 15 minutes"),
        ({"minute": "*"}, "every minute"),
        ({"second": "*"}, "every second"),
        ({"second": "*/10"}, "every 10 seconds"),
        ({"minute": 0}, "every hour"),
        ({"minute": 30}, "at minute 30 of every hour"),
        ({"hour": "*/6"}, "every 6 hours"),
        ({"hour": "*/12"}, "every 12 hours"),
        ({"hour": "*/5"}, "every 5 hours from 00:00 to 20:00"),
        ({"hour": "9-17"}, "every hour from 09:00 to 17:00"),
        ({"hour": "9-17/2", "minute": 30}, "every 2 hours from 09:30 to 17:30"),
        ({"minute": "5/15"}, "every 15 minutes from 00:05 to 23:50"),
        ({"hour": 9, "minute": "*"}, "every minute from 09:00 to 09:59"),
        ({"minute": "*/7"}, "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ({"hour": "9-17", "minute": "0,20"}, "at minutes 0 and 20 of hours 9 to 17"),
        ({"minute": "*", "second": "15,30"}, "at seconds 15 and 30 of every minute of every hour"),
        (
            {"minute": "0,30", "second": "0,9"},
            "at seconds 0 and 9 of minutes 0 and 30 of every hour",
        ),
        ({"hour": "1,5", "minute": "*"}, "at every minute of hours 1 and 5"),
        (
            {"crontab": "0 9 13 * 0-6,5L"},
            "on the 13th of every month and every day and on the last Friday of every month"
            " at 09:00",
        ),
        ({"day": "last"}, "on the last day of every month at 00:00"),
        ({"day": 1, "hour": "*"}, "every hour, on the 1st of every month"),
        ({"day": "2nd fri", "hour": 9}, "on the 2nd Friday of every month at 09:00"),
        (
            {"day": "1-7,22,last sun"},
            "on the 1st to 7th, 22nd and last Sunday of every month at 00:00",
        ),
        ({"month": "jan,jul", "day": 3}, "on the 3rd of January and July at 00:00"),
        ({"month": "*/3", "day": "*"}, "every day in January, April, July and October at 00:00"),
        ({"month": "1-3", "day_of_week": "mon"}, "every Monday in January to March at 00:00"),
        (
            {"day": 13, "day_of_week": "fri"},
            "on the 13th of every month if it is a Friday at 00:00",
        ),
        ({"week": 53}, "every day in ISO week 53 at 00:00"),
        ({"week": "1-10,20"}, "every day in ISO weeks 1 to 10 and 20 at 00:00"),
        ({"year": 2030}, "on the 1st of January in 2030 at 00:00"),
        ({"year": "*/2"}, "on the 1st of January in the years */2 at 00:00"),
        (
            {"crontab": "*/15 9-17 * * mon-fri"},
            "every 15 minutes from 09:00 to 17:45, every weekday",
        ),
        ({"crontab": "0 9 13 * fri"}, "on the 13th of every month and every Friday at 09:00"),
        (
            {"crontab": "0 9 * * 5L,1"},
            "every Monday and on the last Friday of every month at 09:00",
        ),
        (
            {"crontab": "0 9 LW 6 *"},
            "on the last workday (Monday to Friday) of June at 09:00",
        ),
        (
            {"crontab": "0 9 */16 * fri,mon#1"},
            "on the 1st and 17th of every month if it is a Friday or the 1st Monday of the month"
            " at 09:00",
        ),
        ({"crontab": "0 9 1-31 * mon"}, "every day at 09:00"),  # every date, or every Monday
        ({"crontab": "@weekly"}, "every Sunday at 00:00"),
        ({"hour": 9, "jitter": 30}, "every day at 09:00, delayed by up to 30 seconds"),
        (
            {"hour": 9, "start_date": "2030-01-01", "end_date": "2031-01-01 10:00:30"},
            "every day at 09:00, from 2030-01-01 00:00, until 2031-01-01 10:00:30",
        ),
    ],
)
def test_cron(args: dict[str, object], words: str) -> None:
    assert describe("cron", args) == f"{words}, UTC"
    assert describe("cron", {**args, "timezone": "Europe/Berlin"}) == f"{words}, Europe/Berlin"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"minutes": 5}, "every 5 minutes"),
        ({"hours": 1}, "every hour"),
        ({"weeks": 2}, "every 2 weeks"),
        ({"days": 7}, "every week"),
        ({"days": 10}, "every 10 days"),
        ({"minutes": 90}, "every 1 hour 30 minutes"),
        ({"seconds": 0.5}, "every 0.5 seconds"),
        ({"seconds": 61.25}, "every 1 minute 1.25 seconds"),
        ({"hours": 1, "jitter": 60}, "every hour, delayed by up to 1 minute"),
        (
            {"hours": 1, "start_date": "2030-01-01"},
            "every hour, counted from 2030-01-01 00:00, Asia/Tokyo",
        ),
        (
            {"hours": 1, "end_date": "2030-01-01"},
            "every hour, counted from its registration, until 2030-01-01 00:00, Asia/Tokyo",
        ),
    ],
)
def test_intervals(args: dict[str, object], words: str) -> None:
    assert describe("interval", args, timezone="Asia/Tokyo") == words


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("2024-12-25 00:00:00", "UTC", "2024-12-25 00:00, UTC"),
        ("2024-12-25 00:00:01", "UTC", "2024-12-25 00:00:01, UTC"),
        ("2024-12-25T00:00:00Z", "Asia/Tokyo", "2024-12-25 09:00, Asia/Tokyo"),
        ("2025-10-26T00:30Z", "Europe/Berlin", "2025-10-26 02:30, Europe/Berlin"),
        ("2025-10-26T01:30Z", "Europe/Berlin", "2025-10-26 02:30 (the second time), Europe/Berlin"),
        ("9999-12-31T23:30Z", "Asia/Tokyo", "9999-12-31T23:30:00Z, Asia/Tokyo"),
    ],
)
def test_dates(text: str, zone: str, words: str) -> None:
    assert describe("date", {"run_date": text}, timezone=zone) == f"once, at {words}"


def test_what_cannot_be_parsed_has_no_words() -> None:
    with pytest.raises(TriggerError):
        describe("cron", {"hour": 25})
