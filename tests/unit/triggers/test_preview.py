"""preview, between and count_between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import rota.runtime.system_clock
from rota.core.time import DAY, HOUR, MINUTE
from rota.errors import TriggerError
from rota.triggers import between, count_between, parse, preview

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def test_a_preview_is_aware_and_in_utc() -> None:
    found = preview("cron", {"hour": 9}, timezone="Asia/Tokyo", after=NOON, count=2)
    assert found == [datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 3, tzinfo=UTC)]
    assert all(moment.tzinfo is UTC for moment in found)


def test_after_may_be_in_any_zone_and_is_not_included() -> None:
    after = NOON.astimezone(timezone(timedelta(hours=9)))
    assert preview("cron", {"hour": 12}, after=after, count=1) == [NOON + timedelta(days=1)]


def test_without_after_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rota.runtime.system_clock.SystemClock, "now", lambda _: 5 * DAY)
    assert preview("interval", {"days": 1}, count=1) == [datetime(1970, 1, 7, tzinfo=UTC)]


def test_a_preview_ends_with_its_trigger() -> None:
    assert len(preview("date", {"run_date": "2030-01-01"}, after=NOON)) == 1
    assert preview("date", {"run_date": "2020-01-01"}, after=NOON) == []


@pytest.mark.parametrize(
    ("zone", "left"), [("UTC", 29), ("America/New_York", 29), ("Asia/Tokyo", 0)]
)
def test_a_preview_ends_with_the_last_representable_instant(zone: str, left: int) -> None:
    after = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    assert len(preview("cron", {"minute": "*"}, timezone=zone, after=after, count=60)) == left


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("after", "2025-01-01"),
        ("after", 5),
        ("count", -1),
        ("count", True),
        ("count", 1.5),
        ("count", 10**30),
        ("count", None),
    ],
)
def test_what_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TriggerError) as caught:
        preview("cron", {"hour": 9}, **{"after": NOON, name: value})
    assert caught.value.field == name


def test_between_excludes_its_start_and_includes_its_end() -> None:
    trigger = parse("cron", {"minute": 0})
    assert between(trigger, 0, 3 * HOUR, 10) == [HOUR, 2 * HOUR, 3 * HOUR]
    assert between(trigger, 0, 3 * HOUR, 2) == [HOUR, 2 * HOUR]
    assert between(trigger, 0, HOUR - 1, 10) == []


def test_counting_stops_at_the_limit_except_for_intervals() -> None:
    assert count_between(parse("cron", {"minute": "*"}), 0, DAY) == 1440
    assert count_between(parse("cron", {"minute": "*"}), 0, 365 * DAY, limit=50) == 50
    assert count_between(parse("interval", {"minutes": 1}), 0, 365 * DAY, limit=50) == 525_600
    assert count_between(parse("date", {"run_date": "1970-01-01 00:01"}), 0, MINUTE) == 1


def test_the_newest_of_years_missed_is_one_step() -> None:
    trigger = parse("cron", {"second": "*"})
    assert trigger.last_before(50 * 365 * DAY + 5) == 50 * 365 * DAY
