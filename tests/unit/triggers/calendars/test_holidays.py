"""The holidays of five countries, day by day for ten years, against an independent package.

workalendar computes its holidays itself and knows nothing of the package `holidays`, which rota
asks. The days on which they differ are listed with what is true.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from workalendar.asia import Japan
from workalendar.core import Calendar as Workalendar
from workalendar.europe import France, UnitedKingdom
from workalendar.europe.germany import Berlin
from workalendar.usa import UnitedStates

from rota.triggers.calendars import Calendar, calendar_of
from rota.triggers.calendars.days import FIRST_DAY

YEARS = range(2014, 2024)  # workalendar 17 was released in 2023

HOLIDAYS_IS_RIGHT = {
    "US": {
        # Juneteenth is a federal holiday since 17 June 2021 (Public Law 117-17).
        *("2021-06-18", "2022-06-20", "2023-06-19"),
    },
    "GB-ENG": {
        # The coronation of Charles III was a bank holiday, by proclamation of 6 November 2022.
        "2023-05-08",
    },
    "JP": {
        # A holiday on a Sunday moves to the next day that is none, and a day between two holidays
        # is one: the Act on National Holidays, article 3, paragraphs 2 and 3.
        *("2014-05-06", "2014-11-24", "2015-05-06", "2015-09-22", "2016-03-21", "2017-01-02"),
        *("2018-02-12", "2018-04-30", "2018-09-24", "2018-12-24", "2023-01-02"),
    },
}
"""The days that only `holidays` has, each with why it is right. On no day workalendar is."""

COUNTRIES: dict[str, tuple[dict[str, str], Workalendar]] = {
    "DE-BE": ({"country": "DE", "subdivision": "BE"}, Berlin()),
    "US": ({"country": "US"}, UnitedStates()),
    "GB-ENG": ({"country": "GB", "subdivision": "ENG"}, UnitedKingdom()),
    "FR": ({"country": "FR"}, France()),
    "JP": ({"country": "JP"}, Japan()),
}


def number(day: date) -> int:
    return day.toordinal() - FIRST_DAY


@pytest.mark.parametrize("name", COUNTRIES)
def test_ten_years_have_the_business_days_that_an_independent_package_has(name: str) -> None:
    definition, other = COUNTRIES[name]
    own = calendar_of(definition)
    day, differences = date(YEARS[0], 1, 1), set()
    while day.year in YEARS:
        if own.is_business(number(day)) is not other.is_working_day(day):
            assert not own.is_business(number(day)), f"{day}: only workalendar has a holiday"
            differences.add(day.isoformat())
        day += timedelta(1)
    assert differences == HOLIDAYS_IS_RIGHT.get(name, set())


def test_a_market_is_closed_on_its_own_days() -> None:
    nyse = calendar_of({"market": "XNYS"})
    named = {
        date.fromordinal(day + FIRST_DAY).isoformat()
        for day in range(number(date(2018, 1, 1)), number(date(2019, 1, 1)))
        if nyse.holiday(day) is not None
    }
    # https://www.nyse.com/markets/hours-calendars, and the day of mourning for G. H. W. Bush
    assert named == {
        *("2018-01-01", "2018-01-15", "2018-02-19", "2018-03-30", "2018-05-28", "2018-07-04"),
        *("2018-09-03", "2018-11-22", "2018-12-05", "2018-12-25"),
    }


def name_of(calendar: Calendar, day: str) -> str | None:
    return calendar.holiday(number(date.fromisoformat(day)))


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    berlin = calendar_of({"country": "DE", "subdivision": "BE"})
    bavaria = calendar_of({"country": "DE", "subdivision": "BY"})
    assert name_of(berlin, "2026-03-08") == "Women's Day"
    assert name_of(bavaria, "2026-03-08") is None
    assert name_of(bavaria, "2026-01-06") == "Epiphany"


def test_the_weekend_is_that_of_the_country_unless_another_one_is_named() -> None:
    arabia, named = calendar_of({"country": "SA"}), {"country": "SA", "weekend": "sat,sun"}
    assert [arabia.is_weekend(number(date(2026, 11, day))) for day in (26, 27, 28, 29)] == [
        *(False, True, True, False)
    ]
    other = calendar_of(named)
    assert [other.is_weekend(number(date(2026, 11, day))) for day in (26, 27, 28, 29)] == [
        *(False, False, True, True)
    ]
    assert not calendar_of({"weekend": "none"}).is_weekend(number(date(2026, 11, 29)))


def test_a_day_of_the_weekend_on_which_a_country_works_is_a_business_day() -> None:
    china = calendar_of({"country": "CN"})
    worked = date(2024, 2, 4)  # a Sunday, in place of the Spring Festival
    assert worked.weekday() == 6
    assert china.is_business(number(worked))
    assert not calendar_of({"country": "CN", "weekend": "sat,sun"}).is_business(number(worked))


def test_a_union_has_the_days_of_all() -> None:
    both = calendar_of({"country": "SA", "plus": [{"dates": ["2026-12-24 Company day", "12-31"]}]})
    assert name_of(both, "2026-12-24") == "Company day"
    assert name_of(both, "2031-12-31") == "a date of the list"
    assert name_of(both, "2026-09-23") == "National Day Holiday"
    assert both.is_weekend(number(date(2026, 11, 27)))
    assert not both.is_weekend(number(date(2026, 11, 29)))
