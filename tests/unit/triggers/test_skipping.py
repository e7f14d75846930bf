"""A trigger without some of its instants names all the others, forwards, backwards and counted."""

from __future__ import annotations

import pytest

from rota import triggers
from rota.core.time import MINUTE, SECOND, Instant
from rota.triggers import Trigger

HOUR_LONG = 60 * MINUTE


def minutely(kind: str) -> Trigger:
    """Return a trigger that names every whole minute."""
    args = {"minutes": 1} if kind == "interval" else {"minute": "*"}
    return triggers.parse(kind, args, timezone="UTC", anchor=0)


@pytest.mark.parametrize("kind", ["interval", "cron"])
@pytest.mark.parametrize(
    "skipped", [{5 * MINUTE}, {MINUTE, 2 * MINUTE, 60 * MINUTE}, {5 * MINUTE + 1}, {90 * MINUTE}]
)
def test_all_others_are_named(kind: str, skipped: set[Instant]) -> None:
    rule = triggers.without(minutely(kind), skipped)
    left = [one for one in range(MINUTE, HOUR_LONG + 1, MINUTE) if one not in skipped]
    assert triggers.between(rule, 0, HOUR_LONG, 100) == left
    assert triggers.count_between(rule, 0, HOUR_LONG) == len(left)
    backwards: list[Instant] = []
    found = rule.last_before(HOUR_LONG)
    while found:
        backwards.append(found)
        found = rule.last_before(found - 1)
    assert backwards == left[::-1]


def test_skipping_an_instant_leaves_the_rest_of_the_rule() -> None:
    args = {"minutes": 1, "jitter": 3}
    rule = triggers.parse("interval", args, timezone="Europe/Paris", anchor=0)
    less = triggers.without(rule, [MINUTE])
    assert (less.kind, less.jitter, less.timezone) == ("interval", 3 * SECOND, "Europe/Paris")
    assert triggers.is_countable(less)
    assert triggers.without(rule, ()) is rule


def test_skipping_a_single_date_leaves_no_instant() -> None:
    date = {"run_date": "2024-01-01T00:00:00+00:00"}
    rule = triggers.parse("date", date, timezone="UTC", anchor=0)
    only = rule.next_after(0)
    assert only is not None
    less = triggers.without(rule, [only])
    assert (less.next_after(0), less.last_before(only)) == (None, None)
