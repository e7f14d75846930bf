"""Maintenance windows, against a list of every occurrence judged one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.ports.windows import WindowAction
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.triggers import between, parse
from rota.triggers.calendars.windows import (
    MaintenanceWindow,
    Windows,
    outside_windows,
)

START = 20_000 * DAY
UNTIL = START + 2 * DAY

spans = st.builds(
    lambda begin, length: {"span": (START + begin * MINUTE, START + (begin + length) * MINUTE)},
    st.integers(0, 2_000),
    st.integers(1, 600),
)
recurring = st.builds(
    lambda hour, length: {
        "begins": parse("cron", {"hour": hour, "minute": 10}),
        "length": length * MINUTE,
    },
    st.sampled_from(["3", "*/6", "1,2"]),
    st.integers(1, 400),
)
windows = st.lists(
    st.builds(
        lambda when, action: MaintenanceWindow("w", action, everyone=True, **when),
        st.one_of(spans, recurring),
        st.sampled_from(WindowAction),
    ),
    min_size=1,
    max_size=4,
)
RULES: list[tuple[str, dict[str, Any]]] = [
    ("interval", {"minutes": 7, "start_date": "2020-01-01"}),
    ("cron", {"crontab": "0 * * * *"}),
    ("cron", {"crontab": "10 1,3 * * *"}),
]


@settings(max_examples=60, deadline=None)
@given(rule=st.sampled_from(RULES), some=windows, is_once=st.booleans())
def test_what_remains_is_what_no_window_skips(
    rule: tuple[str, dict[str, Any]], some: list[MaintenanceWindow], is_once: bool
) -> None:
    trigger, own = parse(*rule), Windows(tuple(some), is_once)
    every = between(trigger, START, UNTIL, 10_000)
    wanted = [one for one in every if own.rejection(trigger, one) is None]
    outside = outside_windows(trigger, own)
    assert between(outside, START, UNTIL, 10_000) == wanted
    found: list[Instant] = []
    at = outside.last_before(UNTIL)
    while at is not None and at > START:
        found.append(at)
        at = outside.last_before(at - 1)
    assert found[::-1] == wanted


@settings(max_examples=60, deadline=None)
@given(rule=st.sampled_from(RULES), some=windows)
def test_nothing_starts_early_or_in_a_window_and_a_delay_lets_one_start(
    rule: tuple[str, dict[str, Any]], some: list[MaintenanceWindow]
) -> None:
    trigger, own = parse(*rule), Windows(tuple(some), is_once=True)
    ends: list[Instant] = []
    for one in between(outside_windows(trigger, own), START, UNTIL, 10_000):
        end = own.starts_at(one)
        start = one if end is None else end
        assert start >= one
        active = {each.action for each in some if each.span_at(start) is not None}
        assert WindowAction.ALLOW in active or not active
        if end is not None:
            ends.append(end)
    assert len(ends) == len(set(ends)) or WindowAction.ALLOW in {one.action for one in some}


def test_a_rejection_names_the_window_and_its_reason() -> None:
    window = MaintenanceWindow(
        "move", WindowAction.SKIP, (START, START + HOUR), tags=frozenset({"db"}), reason="new disks"
    )
    assert window.concerns("t", ("db",))
    assert not window.concerns("t", ("web",))
    rule = parse("interval", {"seconds": 1})
    found = Windows((window,), is_once=True).rejection(rule, START + SECOND)
    assert found is not None
    assert found.text == "it is in the window move (new disks)"
    assert (found.since, found.until) == window.span
