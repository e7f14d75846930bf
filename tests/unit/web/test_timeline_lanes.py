"""Runs as bars: what is merged, where it stands, how much goes on at once."""

from __future__ import annotations

import random
from typing import Any

from rota.core.ports.records import RunSpanAggregate
from rota.core.run import State
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.triggers import parse
from rota.web.pages.parts.timeline_lanes import COMING, PAST, PLANNED, at_once, lanes, window

NOW: Instant = 1_770_000_000 * SECOND
SHOWN = window(DAY, NOW)


def bundle(
    first: Instant, last: Instant, state: State = State.SUCCEEDED, **more: Any
) -> RunSpanAggregate:
    """Return the bundle of one run, its times counted from the begin of the window."""
    began, ended = first // SHOWN.slice, last // SHOWN.slice
    at = SHOWN.since
    run = RunSpanAggregate(
        "t", state, began, ended, 1, at + first, at + last, first, last, f"run-{first}"
    )
    return run._replace(**more)


def test_the_window_shows_now_where_its_past_ends() -> None:
    for span in (HOUR, DAY, 7 * DAY):
        shown = window(span, NOW)
        assert PAST - 1 <= (NOW - shown.since) / shown.slice < PAST
        assert shown.place(shown.since - DAY) == 0
        assert shown.place(shown.until + DAY) == 100


def test_runs_that_lie_near_are_one_bar() -> None:
    near = [bundle(0, MINUTE), bundle(5 * MINUTE, 6 * MINUTE), bundle(3 * HOUR, 4 * HOUR)]
    bad = bundle(2 * MINUTE, 3 * MINUTE, State.FAILED)
    (lane,) = lanes([*near, bad], [], SHOWN)
    assert [(bar.state, bar.count) for bar in lane.bars] == [
        ("succeeded", 2),
        ("succeeded", 1),
        ("failed", 1),  # above the others
    ]
    assert lane.bars[0].run == f"run-{5 * MINUTE}"
    assert lane.bars[0].density < lane.bars[1].density == 1
    assert lane.bars[1].width == round(100 * HOUR / (SHOWN.until - SHOWN.since), 2)


def test_a_lane_has_some_hundred_bars_at_most_and_none_outside() -> None:
    dice = random.Random(1)
    states = [State.SUCCEEDED, State.FAILED]
    starts = [dice.randrange(DAY - HOUR) for _ in range(20_000)]
    many = [bundle(at, at + dice.randrange(HOUR), dice.choice(states)) for at in starts]
    trigger = parse("interval", {"seconds": 1}, anchor=NOW)
    (lane,) = lanes(many, [("t", trigger, NOW)], SHOWN)
    assert len(lane.bars) <= 2 * PAST + COMING
    assert sum(bar.count for bar in lane.bars if bar.state != PLANNED) == 20_000
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.01 for bar in lane.bars)


def test_what_is_planned_is_as_long_as_usual_and_dense_where_it_is() -> None:
    hourly = parse("interval", {"hours": 1}, anchor=NOW)
    often = parse("interval", {"seconds": 50}, anchor=NOW)
    usual = bundle(0, 20 * MINUTE)
    rare, dense = lanes([usual], [("t", hourly, NOW), ("u", often, NOW)], SHOWN)
    planned = [bar for bar in rare.bars if bar.state == PLANNED]
    assert [bar.first for bar in planned[:2]] == [NOW + HOUR, NOW + 2 * HOUR]
    assert planned[0].last - planned[0].first == 20 * MINUTE
    assert len(planned) == (SHOWN.until - NOW) // HOUR
    assert [bar.state for bar in dense.bars] == [PLANNED]


def test_how_much_goes_on_at_once_is_exact() -> None:
    dice = random.Random(2)
    runs = []
    for _ in range(300):
        first = dice.randrange(DAY)
        runs.append((first, min(first + dice.choice([SECOND, MINUTE, 5 * HOUR]), DAY - 1)))
    load = at_once([bundle(*run) for run in runs], SHOWN.slice)
    for place, found in enumerate(load):
        low, high = place * SHOWN.slice, (place + 1) * SHOWN.slice
        busy = sum(max(0, min(last, high) - max(first, low)) for first, last in runs)
        assert abs(found - busy / SHOWN.slice) < 1e-6


def test_what_never_started_is_no_load() -> None:
    assert max(at_once([bundle(0, HOUR, State.SKIPPED)], SHOWN.slice)) == 0
