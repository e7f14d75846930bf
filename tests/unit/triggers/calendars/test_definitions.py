"""What a calendar is made of: names, unions, files; and every mistake in that."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from rota.config import Xcorecfg
from rota.definitions.define import define
from rota.errors import ConfigError, DefinitionError, RotaError, TriggerError
from rota.triggers import describe, has_same_data, parse, preview, resolved
from rota.triggers.calendars import calendar_of
from rota.triggers.calendars.sources import data_release

DAILY: dict[str, Any] = {"crontab": "0 9 * * *"}
FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20261223
DTEND;VALUE=DATE:20261225
SUMMARY:Works holidays
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20200229
RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1
EXDATE;VALUE=DATE:20270301
SUMMARY:Founding day
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20261230T150000Z
DTEND:20261230T170000Z
SUMMARY:A meeting
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART;VALUE=DATE:20261231
STATUS:CANCELLED
SUMMARY:Called off
END:VEVENT
END:VCALENDAR
"""


def func() -> None:
    """A task."""


def config(**calendars: dict[str, Any]) -> Xcorecfg:
    return Xcorecfg.model_validate({"calendars": calendars})


def number(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


@pytest.fixture
def ics(tmp_path: Path) -> Path:
    path = tmp_path / "days.ics"
    path.write_text(FILE.replace("\n", "\r\n"))
    return path


def test_the_all_day_events_of_a_file_are_holidays(ics: Path) -> None:
    calendar = calendar_of({"ics": str(ics)})
    assert calendar.holiday(number("2026-12-23")) == "Works holidays"
    assert calendar.holiday(number("2026-12-24")) == "Works holidays"
    assert calendar.holiday(number("2026-12-25")) is None  # DTEND is the first day after it
    assert calendar.holiday(number("2026-03-01")) == "Founding day"
    assert calendar.holiday(number("2027-03-01")) is None
    assert calendar.holiday(number("2028-03-01")) == "Founding day"
    assert calendar.holiday(number("2026-12-30")) is None  # it has times of day
    assert calendar.holiday(number("2026-12-31")) is None  # it is cancelled


def test_a_definition_keeps_what_its_calendar_meant(ics: Path) -> None:
    given = config(de={"country": "DE", "plus": ["own"]}, own={"ics": str(ics)})
    made = define(
        func, None, "t", {**DAILY, "calendar": "de", "roll": "next"}, defaults=given.manager
    )
    stored = made.trigger_args["calendar"]
    assert stored["name"] == "de"
    assert stored["data"] == data_release()
    assert stored["plus"][0]["name"] == "own"
    assert len(stored["plus"][0]["sha256"]) == 64
    assert has_same_data(made.trigger_args)
    ics.write_text(FILE.replace("20261223", "20261222").replace("\n", "\r\n"))
    assert not has_same_data(made.trigger_args)
    ics.unlink()
    assert not has_same_data(made.trigger_args)


def test_a_calendar_detects_other_data_of_another_package_release() -> None:
    args = {"calendar": {"country": "DE", "data": "holidays 0.1"}}
    assert not has_same_data(args)
    assert not has_same_data({"except": [args]})
    assert parse("cron", {**DAILY, **args})  # it is read by the data that there is


def test_calendars_are_named_in_exceptions() -> None:
    given = config(de={"country": "DE"}, days={"dates": ["2026-11-30"]})
    args = resolved(
        {**DAILY, "except": ["de", {"crontab": "0 9 2 12 *"}, "days"]}, given.manager.calendars
    )
    said = describe("cron", args)
    assert said == (
        "every day at 09:00, UTC, except (the holidays of de) or (the holidays of days) or"
        " (on the 2nd of December at 09:00, UTC)"
    )


def test_calendars_are_named_in_a_preview() -> None:
    calendars = {"own": {"dates": ["2026-12-01"], "weekend": "none"}}
    found = preview(
        "cron", {**DAILY, "calendar": "own"}, calendars=calendars, count=1, after=_moment()
    )
    assert [str(one)[:10] for one in found] == ["2026-12-02"]


def _moment() -> datetime:
    return datetime(2026, 11, 30, 12)


@pytest.mark.parametrize(
    ("args", "field", "why"),
    [
        ({"calendar": {"country": "XX"}}, "calendar.country", "no country"),
        ({"calendar": {"country": "DE", "subdivision": "XX"}}, "calendar.subdivision", "no part"),
        ({"calendar": {"subdivision": "BE", "market": "XNYS"}}, "calendar.subdivision", "no coun"),
        ({"calendar": {"market": "XX"}}, "calendar.market", "no financial market"),
        ({"calendar": {"ics": "/nowhere.ics"}}, "calendar.ics", "cannot be read"),
        ({"calendar": {"ics": "/dev"}}, "calendar.ics", "cannot be read"),
        ({"calendar": {"ics": __file__}}, "calendar.ics", "iCalendar"),
        ({"calendar": {"dates": []}}, "calendar.dates", "not a list"),
        ({"calendar": {"dates": ["2026-02-30"]}}, "calendar.dates", "no such day"),
        ({"calendar": {"dates": [5]}}, "calendar.dates", "not a date"),
        ({"calendar": {"weekend": "sat,son"}}, "calendar.weekend", "is no day"),
        ({"calendar": {"weekend": "mon,tue,wed,thu,fri,sat,sun"}}, "calendar.weekend", "no day is"),
        ({"calendar": {"weekends": "sat"}}, "calendar.weekends", "Did you mean 'weekend'?"),
        ({"calendar": {"plus": "de"}}, "calendar.plus", "not a list"),
        ({"calendar": {"plus": [{"country": "XX"}]}}, "calendar.plus[0].country", "no country"),
        ({"calendar": {}}, "calendar", "without any day"),
        ({"calendar": 5}, "calendar", "no calendar"),
        ({"calendar": "de"}, "calendar", "no calendar of that name"),
        ({"except": "de"}, "except", "no calendar of that name"),
        ({"except": [{"calendar": {"country": "XX"}}]}, "except.country", "no country"),
        ({"roll": "next"}, "roll", "there is no calendar"),
        ({"calendar": {"country": "DE"}, "roll": "nxt"}, "roll", "Did you mean 'next'?"),
        ({"day": "last business", "crontab": None}, "day", "need a calendar"),
        (
            {"day": "24th business", "crontab": None, "calendar": {"country": "DE"}},
            *("day", "no position"),
        ),
        (
            {"crontab": "0 9 24 12 *", "calendar": {"dates": ["12-24"], "weekend": "none"}},
            *("calendar", "can never fire"),
        ),
        (
            {"crontab": "0 9 * * mon-fri", "calendar": {"weekend": "sat,sun"}, "roll": "only"},
            *("calendar", "can never fire"),
        ),
    ],
)
def test_each_mistake_is_named_with_its_place(args: Any, field: str, why: str) -> None:
    with pytest.raises(TriggerError) as caught:
        parse("cron", {**DAILY, **args})
    assert (caught.value.field, why in str(caught.value)) == (field, True), caught.value


def test_a_part_of_another_trigger_has_no_calendar_of_its_own() -> None:
    of = [{**DAILY, "calendar": {"country": "DE"}}]
    with pytest.raises(TriggerError, match=r"of\[0\].calendar.*calendar is of the whole"):
        parse("any", {"of": of})


@pytest.mark.parametrize(
    ("calendars", "options", "said"),
    [
        ({"de": {"country": "DE"}}, {"calendar": "dee"}, "Did you mean 'de'?"),
        ({}, {"calendar": "de"}, "section calendars"),
        ({"a": {"plus": ["b"]}, "b": {"plus": ["a"]}}, {"calendar": "a"}, "a → b → a"),
        ({"a": {"plus": ["b"]}}, {"calendar": "a"}, "calendar='b': no calendar of that name"),
        ({"de": {"country": "DE"}}, {"except_": ["de", "fr"]}, "except='fr'"),
        ({"de": {"country": "DE"}}, {"trigger_args": {**DAILY, "calendar": "x"}}, "trigger_args.c"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_the_definition(
    calendars: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    given = options if "trigger_args" in options else {**DAILY, **options}
    with pytest.raises(RotaError) as caught:
        define(func, "cron", "t", given, defaults=config(**calendars).manager)
    assert said in str(caught.value)
    assert str(caught.value).count("no calendar of that name") <= 1


def test_a_job_has_no_times_to_move() -> None:
    with pytest.raises(DefinitionError, match="a job has no times"):
        define(func, None, "t", {"calendar": "de"}, defaults=config(de={"country": "DE"}).manager)


def test_the_configuration_names_what_is_wrong_with_a_calendar() -> None:
    settings = Xcorecfg()
    with pytest.raises(ConfigError, match=r"calendars\.de"):
        settings.calendars = {"de": {"contry": "DE"}}  # type: ignore[dict-item]
    settings.calendars = config(de={"country": "DE"}).calendars
    assert settings.manager.calendars["de"]["country"] == "DE"
