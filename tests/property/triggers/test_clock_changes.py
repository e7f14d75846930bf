"""Cron times around the clock changes of the whole tz database, against a slow reference."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rota.core.time import SECOND
from rota.errors import TriggerError
from rota.triggers import Trigger, between, parse
from tests.property.triggers.reference import DAY, Rule, changes, expected, window
from tests.property.triggers.strategies import ZONES, rules

YEARS = {"past": (1970, 2014), "near": (2015, 2040), "far": (2500, 2502)}


def forward(trigger: Trigger, start: int, end: int) -> list[int]:
    found = between(trigger, start * SECOND - 1, end * SECOND, 100_000)
    return [instant // SECOND for instant in found]


def backward(trigger: Trigger, start: int, end: int) -> list[int]:
    found: list[int] = []
    at: int | None = end * SECOND
    while at is not None and (at := trigger.last_before(at)) is not None and at >= start * SECOND:
        found.append(at // SECOND)
        at -= 1
    return found[::-1]


def check(rule: Rule, key: str, start: int, end: int) -> None:
    seen = window(key, start, end)
    for dst in ("adjust", "skip", "both"):
        try:
            trigger = parse("cron", rule.args, timezone=key, dst=dst)
        except TriggerError:
            assume(False)  # 31 February
        wanted = expected(rule, seen, dst)
        assert forward(trigger, start, end) == wanted, dst
        assert backward(trigger, start, end) == wanted, dst


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rule=rules(),
    key=st.sampled_from(ZONES),
    era=st.sampled_from(sorted(YEARS)),
    pick=st.integers(0, 1000),
    before=st.integers(0, 30 * 120),
    length=st.integers(1, 40 * 120),
)
def test_every_rule_in_every_zone(
    rule: Rule, key: str, era: str, pick: int, before: int, length: int
) -> None:
    found = changes(key, *YEARS[era])
    middle = found[pick % len(found)] if found else 20_000 * DAY + pick * DAY
    start = middle - before * 30
    check(rule, key, start, start + length * 30)


ODD = [
    ("Pacific/Apia", 2011),  # a whole day skipped
    ("Pacific/Kwajalein", 1993),  # and here
    ("Pacific/Kiritimati", 1995),
    ("Australia/Lord_Howe", 2025),  # half an hour
    ("Antarctica/Troll", 2025),  # two hours
    ("Antarctica/Casey", 2020),  # three hours
    ("America/Sao_Paulo", 2018),  # at midnight
    ("Asia/Beirut", 2025),
    ("Africa/Cairo", 2025),
    ("America/Havana", 2025),
    ("Africa/Monrovia", 1972),  # from -0:44:30
    ("Europe/Dublin", 2025),  # summer is the standard time
    ("Africa/Casablanca", 2025),  # Ramadan
    ("Asia/Gaza", 2027),
    ("America/Danmarkshavn", 1996),
    ("Asia/Pyongyang", 2018),
    ("America/Caracas", 2016),
    ("Asia/Ust-Nera", 1981),
    ("Europe/Berlin", 2025),
    ("America/New_York", 9998),
]


@pytest.mark.parametrize(("key", "year"), ODD)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules())
def test_the_oddest_changes(key: str, year: int, rule: Rule) -> None:
    found = changes(key, year - 1, year)[-2:]
    assert found
    for change in found:
        check(rule, key, change - DAY * 3 // 2, change + DAY * 3 // 2)
