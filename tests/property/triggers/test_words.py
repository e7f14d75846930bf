"""Reading what `describe` wrote gives the same trigger, for every trigger that has such words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rota.errors import TriggerError
from rota.triggers import Trigger, describe, parse
from rota.triggers.day_rules import days_of
from rota.triggers.kinds.cron import CronTrigger
from rota.triggers.kinds.interval import IntervalTrigger
from tests.property.triggers.reference import Rule
from tests.property.triggers.strategies import fields, rules

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
DST = st.sampled_from(["adjust", "skip", "both"])
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1))
YEARS = range(2000, 2400)
"""Every kind of year is among these."""


def meaning(rule: Trigger) -> Any:
    """Return everything that decides the instants of a trigger."""
    if isinstance(rule, CronTrigger):
        wanted = rule.pattern
        days = tuple(days_of(wanted.rule, year) for year in YEARS[:28])
        clock = wanted.years, wanted.hours, wanted.minutes, wanted.seconds, days
        changes = rule.changes if rule.zone.changes else None
        return clock, rule.zone.key, changes, rule.start, rule.end, rule.jitter
    if isinstance(rule, IntervalTrigger):
        return replace(rule, timezone="")  # its instants follow from no zone
    return rule


def check(kind: str, args: dict[str, Any], zone: str, dst: str = "adjust") -> None:
    try:
        wanted = parse(kind, args, timezone=zone, dst=dst, anchor=7)
    except TriggerError:
        assume(False)
        raise
    words = describe(kind, args, timezone=zone)
    found = parse("every", {"text": words}, timezone=zone, dst=dst, anchor=7)
    assert meaning(found) == meaning(wanted), words
    # Days of the month and of the week that were apart are one list now: other words, one meaning.
    again = parse(
        "every",
        {"text": describe("every", {"text": words}, timezone=zone)},
        timezone=zone,
        dst=dst,
        anchor=7,
    )
    assert meaning(again) == meaning(wanted), words


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["jitter"] = draw(st.sampled_from([1, 0.25, 60, 90, 86_400, 7 * 86_400]))
    if draw(st.booleans()):
        found["start_date"] = draw(MOMENTS)
    if draw(st.booleans()):
        found["end_date"] = draw(MOMENTS)
    return found


@settings(max_examples=60, deadline=None)
@given(
    rule=rules(),
    second=st.none() | fields(0, 59),
    year=st.none() | fields(1970, 9999),
    more=bounds(),
    zone=ZONES,
    dst=DST,
)
def test_keyword_fields(
    rule: Rule, second: Any, year: Any, more: dict[str, Any], zone: str, dst: str
) -> None:
    args = {**rule.args, **more}
    args |= {} if second is None else {"second": second[0]}
    args |= {} if year is None else {"year": year[0]}
    check("cron", args, zone, dst)


DAY_TEXTS = st.lists(
    st.sampled_from(["*", "1-7", "13", "31", "L", "LW", "15W", "1W", "L-3", "*/2", "5-9/2"]),
    min_size=1,
    max_size=3,
).map(",".join)
WEEKDAY_TEXTS = st.lists(
    st.sampled_from(["*", "mon-fri", "sun", "5L", "mon#1", "tue#5", "0-6", "6-7", "*/3"]),
    min_size=1,
    max_size=3,
).map(",".join)


@settings(max_examples=60, deadline=None)
@given(
    minute=fields(0, 59),
    hour=fields(0, 23),
    day=DAY_TEXTS,
    month=fields(1, 12),
    weekday=WEEKDAY_TEXTS,
    zone=ZONES,
    dst=DST,
)
def test_crontabs(
    minute: Any, hour: Any, day: str, month: Any, weekday: str, zone: str, dst: str
) -> None:
    text = f"{minute[0]} {hour[0]} {day} {month[0]} {weekday}"
    check("cron", {"crontab": text}, zone, dst)


@settings(max_examples=60, deadline=None)
@given(
    micros=st.integers(1_000, 10**15) | st.sampled_from([10**6 * 60, 10**6 * 604_800, 1_500_000]),
    more=bounds(),
    zone=ZONES,
)
def test_intervals(micros: int, more: dict[str, Any], zone: str) -> None:
    whole, rest = divmod(micros, 10**6)
    check(
        "interval",
        {"seconds": whole, **more} if not rest else {"seconds": micros / 10**6, **more},
        zone,
    )


@settings(max_examples=60, deadline=None)
@given(at=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 31)), fold=st.booleans(), zone=ZONES)
def test_dates(at: datetime, fold: bool, zone: str) -> None:
    check("date", {"run_date": at.replace(fold=fold)}, zone)


@settings(max_examples=40, deadline=None)
@given(
    event=st.sampled_from(["sunrise", "sunset", "dawn", "dusk", "noon"]),
    latitude=st.floats(-64, 64).map(lambda one: round(one, 5)),
    longitude=st.floats(-180, 180).map(lambda one: round(one, 5)),
    offset=st.integers(-86_400, 86_400),
    zone=ZONES,
)
def test_the_sun(event: str, latitude: float, longitude: float, offset: int, zone: str) -> None:
    args = {"event": event, "latitude": latitude, "longitude": longitude, "offset": offset}
    check("sun", args, zone)
