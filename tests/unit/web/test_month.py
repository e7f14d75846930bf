"""A month in whole weeks, and where clocks change in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from rota.core.time import DAY, HOUR, from_datetime
from rota.web.pages.parts import month


@pytest.mark.parametrize(
    ("first", "count"), [(date(2026, 11, 1), 42), (date(2027, 2, 1), 28), (date(2026, 1, 1), 35)]
)
def test_a_month_is_shown_in_whole_weeks(first: date, count: int) -> None:
    days = month.days(first)
    assert (len(days), days[0].weekday(), days[-1].weekday()) == (count, 0, 6)
    assert first in days


@pytest.mark.parametrize("text", ["", "nonsense", "2026-13", "0000-00", "2026-1-1"])
def test_what_is_no_month_is_this_one(text: str) -> None:
    assert month.first_of(text, date(2026, 2, 17)) == date(2026, 2, 1)


@pytest.mark.parametrize("text", ["0001-01", "9999-12", "1970-01"])
def test_every_month_has_days_and_neighbours(text: str) -> None:
    first = month.first_of(text, date(2026, 2, 17))
    edges = month.edges(month.days(first), ZoneInfo("Pacific/Kiritimati"))
    assert len(edges) > 28
    assert month.beside(first, 1) > f"{first:%Y-%m}" > month.beside(first, -1)


def test_days_are_as_long_as_they_are() -> None:
    zone = ZoneInfo("Europe/Berlin")
    days = month.days(date(2027, 3, 1))
    edges = month.edges(days, zone)
    (short,) = [day for day, a, b in zip(days, edges, edges[1:], strict=False) if b - a != DAY]
    assert short == date(2027, 3, 28)
    found = month.changes(["Europe/Berlin", "UTC", "No/Where"], edges)
    (change,) = found[days.index(short)]
    assert (change.before, change.after) == ("02:00", "03:00")
    assert change.at == from_datetime(datetime(2027, 3, 28, 1, tzinfo=UTC))
    assert sum(map(len, found)) == 1


def test_a_change_is_found_whatever_zone_the_days_are_of() -> None:
    edges = month.edges(month.days(date(2026, 10, 1)), ZoneInfo("UTC"))
    (found,) = [one for day in month.changes(["Australia/Lord_Howe"], edges) for one in day]
    assert (found.before, found.after) == ("02:00", "02:30")
    assert found.at % (HOUR // 2) == 0
