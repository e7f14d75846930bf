"""The sun: against published times, on the days without it, and the same from both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.time import DAY, SECOND, from_datetime
from rota.triggers import between, describe, parse, preview
from tests.unit.triggers.conftest import Refused

BERLIN = {"latitude": 52.52, "longitude": 13.405}
TROMSO = {"latitude": 69.65, "longitude": 18.96}


@pytest.mark.parametrize(
    ("place", "event", "wanted"),
    [
        # Almanacs have these to the minute; two minutes are allowed for their refraction.
        (BERLIN, "sunrise", "2024-06-21 02:43"),
        (BERLIN, "sunset", "2024-06-21 19:33"),
        (BERLIN, "sunrise", "2024-12-21 07:15"),
        (BERLIN, "sunset", "2024-12-21 14:54"),
        (BERLIN, "noon", "2024-12-21 11:05"),
        ({"latitude": 0, "longitude": 0}, "noon", "2024-03-20 12:07"),
        ({"latitude": -33.87, "longitude": 151.21}, "sunrise", "2024-12-20 18:41"),
        ({"latitude": 40.71, "longitude": -74.01}, "sunset", "2024-06-21 00:31"),
    ],
)
def test_published_times(place: dict[str, float], event: str, wanted: str) -> None:
    there = datetime.fromisoformat(wanted).replace(tzinfo=UTC)
    found = preview("sun", {"event": event, **place}, after=there - timedelta(hours=3), count=1)
    assert abs(found[0] - there) < timedelta(minutes=2)


def test_polar_night_has_no_occurrence() -> None:
    rule = {"event": "sunrise", **TROMSO}
    found = preview("sun", rule, after=datetime(2024, 11, 20, tzinfo=UTC), count=12)
    last, first = next((a, b) for a, b in pairwise(found) if b - a > timedelta(days=2))
    assert (last.month, first.month) == (11, 1) and (first - last).days > 40
    assert "on days without sunrise never" in describe("sun", rule)
    assert "never" not in describe("sun", {"event": "sunrise", **BERLIN})
    summer = preview("sun", {"event": "sunset", **TROMSO}, after=datetime(2024, 6, 1, tzinfo=UTC))
    assert summer[0].month == 7
    trigger = parse("sun", rule)
    assert trigger.last_before(from_datetime(first) - 1) == from_datetime(last)


@settings(max_examples=60, deadline=None)
@given(
    event=st.sampled_from(["sunrise", "sunset", "dawn", "dusk", "noon"]),
    latitude=st.floats(-60, 60),  # beyond, midsummer nights have neither dawn nor dusk
    longitude=st.floats(-180, 180),
    offset=st.integers(-86_400, 86_400),
    day=st.integers(0, 30_000),
)
def test_each_day_has_one_and_both_directions_agree(
    event: str, latitude: float, longitude: float, offset: int, day: int
) -> None:
    args = {"event": event, "latitude": latitude, "longitude": longitude, "offset": offset}
    rule = parse("sun", args)
    found = between(rule, day * DAY, (day + 20) * DAY, 99)
    assert 19 <= len(found) <= 21
    gaps = [(later - one) / DAY for one, later in pairwise(found)]
    assert all(0.97 < gap < 1.03 for gap in gaps)
    assert all(one % SECOND == 0 for one in found)
    backwards, at = [], found[-1]
    for _ in found:
        backwards.append(rule.last_before(at))
        at = (backwards[-1] or 0) - 1
    assert backwards[::-1] == found


@pytest.mark.parametrize("longitude", [180, 179.5, -179.5, -180])
def test_noon_beside_midnight_of_utc_is_missed_on_no_day(longitude: float) -> None:
    rule = parse("sun", {"event": "noon", "latitude": 0, "longitude": longitude})
    found = between(rule, 0, 1_000 * DAY, 2_000)
    assert all(0.99 < (later - one) / DAY < 1.01 for one, later in pairwise(found))
    assert len(found) in (999, 1000, 1001)


def test_words_and_offset() -> None:
    rule = {"event": "sunset", **BERLIN, "offset": -1800, "timezone": "Europe/Berlin"}
    assert describe("sun", rule) == (
        "every day 30 minutes before sunset at 52.52, 13.405, Europe/Berlin"
    )
    after = datetime(2024, 6, 21, tzinfo=UTC)
    plain = preview("sun", {"event": "sunset", **BERLIN}, after=after, count=1)[0]
    assert preview("sun", rule, after=after, count=1) == [plain - timedelta(minutes=30)]


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({"latitude": 1, "longitude": 2}, "event"),
        ({"event": "sunrise", "longitude": 2}, "latitude"),
        ({"event": "sunrize", "latitude": 1, "longitude": 2}, "event"),
        ({"event": "noon", "latitude": 91, "longitude": 2}, "latitude"),
        ({"event": "noon", "latitude": 1, "longitude": "2"}, "longitude"),
        ({"event": "noon", "latitude": float("nan"), "longitude": 2}, "latitude"),
        ({"event": "noon", "latitude": 1, "longitude": 2, "offset": 90_000}, "offset"),
        ({"event": "dawn", "latitude": 90, "longitude": 0, "end_date": "1960-01-01"}, "event"),
    ],
)
def test_what_is_refused(refused: Refused, args: dict[str, object], field: str) -> None:
    error = refused("sun", args)
    assert error.field == field
