"""The screen Calendar as a browser without JavaScript gets it, and its export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Site, fail, greet


def today() -> str:
    return f"day-{datetime.now(UTC).date()}"


def test_a_day_has_what_was_and_what_will_be(site: Site) -> None:
    site.add(greet)
    site.add(fail, max_retries=0)
    site.run("greet")
    site.run("greet")
    site.run("fail")
    site.add(greet, "soon", times={"minutes": 1})
    day = part(site.client.get("/calendar").text, today())
    assert "2 good" in day
    assert "1 failed" in day
    after = part(site.client.get("/calendar").text, f"day-{datetime.now(UTC).date()}")
    assert "good" in after
    month = f"{datetime.now(UTC).date() + timedelta(days=40):%Y-%m}"
    assert "1,440 planned" in text(site.client.get(f"/calendar?month={month}").text)


def test_changes_of_the_clocks_are_marked(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 9}, timezone="Europe/Berlin")
    page = site.client.get("/calendar?month=2030-03").text
    assert "Berlin 02:00 → 03:00" in part(page, "day-2030-03-31")
    assert page.count("→") == 1


def test_days_are_those_of_the_configured_zone(tmp_path: Path) -> None:
    with Site(tmp_path, timezone="Pacific/Kiritimati") as site:
        site.add(greet)
        site.run("greet")
        there = (datetime.now(UTC) + timedelta(hours=14)).date()
        page = site.client.get("/calendar").text
        assert "1 good" in part(page, f"day-{there}")
        assert "Days of Pacific/Kiritimati" in text(page)


def test_any_month_is_answered(standing: Site) -> None:
    for month in ("0001-01", "9999-12", "<b>", "1971-01"):
        assert standing.client.get("/calendar", params={"month": month}).status_code == 200


def test_what_is_planned_is_exported(site: Site) -> None:
    planted = "Quarter; <b>report</b>, END:VCALENDAR"
    site.add(greet, "report", name=planted, trigger="cron", times={"hour": 9})
    site.add(greet, "often", times={"seconds": 1})
    site.add(greet, "off", times={"hours": 1}, enabled=False)
    answer = site.client.get("/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.text.count("BEGIN:VEVENT") == 30 + 200  # what comes too often is cut off
    assert answer.text.count("\r\nEND:VCALENDAR\r\n") == 1
    assert "every day at 09:00" in answer.text.replace("\r\n ", "")
