"""The watchdog names what goes wrong inside this process, and says that the clock was set."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from rota.core.time import SECOND
from rota.engine.health.unplanned import UnplannedCheck
from rota.engine.planning.planner import Planner
from rota.engine.upkeep.watchdog import Watchdog
from rota.runtime.cadence import BEAT
from rota.scheduling import TickingClock
from tests.unit.engine.context import Bench, heard


class Blocked(NamedTuple):
    """What blocks a loop."""

    seconds: float
    task_id: str | None
    place: str


class Loop:
    """A task loop that is blocked if the test says so."""

    def __init__(self) -> None:
        self.by: Blocked | None = None

    def blocked(self) -> Blocked | None:
        return self.by


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def watchdog(bench: Bench, loop: Loop) -> Watchdog:
    planner = Planner(bench.context, bench.ids, bench.dispatcher(), bench.stuck)
    ticking = TickingClock(bench.clock, bench.signals.tasks_due.send)
    return Watchdog(bench.context, loop, UnplannedCheck(bench.context, ticking, planner))


def test_a_quiet_machine_is_no_news(
    bench: Bench, watchdog: Watchdog, caplog: pytest.LogCaptureFixture
) -> None:
    again = heard(bench.signals.look_again)
    for _ in range(10):
        bench.clock.advance(BEAT)
        watchdog.turn()
    assert (again, caplog.records, watchdog.frozen) == ([], [], None)


def test_a_clock_that_was_set_forward_has_everything_look_again(
    bench: Bench, watchdog: Watchdog, caplog: pytest.LogCaptureFixture
) -> None:
    again, back = heard(bench.signals.look_again), heard(bench.signals.clock_set_back)
    bench.clock.step(3_600)
    watchdog.turn()
    watchdog.turn()
    assert (again, back) == ([()], [])
    assert "stepped by +3600.0 s" in caplog.text


def test_a_clock_that_was_set_back_is_planned_by_from_then_on(
    bench: Bench, watchdog: Watchdog
) -> None:
    back = heard(bench.signals.clock_set_back)
    bench.context.clock.now()
    bench.clock.step(-3_600)
    bench.clock.advance(BEAT)
    watchdog.turn()
    assert back == [(bench.now - round(BEAT * SECOND),)]


def test_time_that_passes_while_others_hear_of_a_step_back_is_planned_as_well(
    bench: Bench, watchdog: Watchdog
) -> None:
    set_back = heard(bench.signals.clock_set_back)
    bench.clock.step(3_600)
    watchdog.turn()
    bench.signals.look_again.connect(lambda: bench.clock.advance(3))
    bench.clock.step(-3_600)
    right = bench.now
    watchdog.turn()
    ((instant,),) = set_back
    assert instant <= right, "else an occurrence of these seconds would have no run"


def test_a_blocked_loop_is_logged_once_a_place(
    loop: Loop, watchdog: Watchdog, caplog: pytest.LogCaptureFixture
) -> None:
    loop.by = Blocked(1.2, "t", "work.py:3 in sleep")
    watchdog.turn()
    watchdog.turn()
    [record] = caplog.records
    assert "blocked for 1.2 s by t at work.py:3" in record.getMessage()
    assert watchdog.blocked() == loop.by


def test_a_blocked_interpreter_is_reported(
    bench: Bench, watchdog: Watchdog, caplog: pytest.LogCaptureFixture
) -> None:
    watchdog.turn()
    bench.clock.advance(30)
    watchdog.turn()
    assert watchdog.frozen is not None
    assert "stood still for 29.8 s" in caplog.text


def test_a_listener_that_raises_keeps_the_watchdog_from_nothing(
    bench: Bench, watchdog: Watchdog, loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks() -> None:
        raise RuntimeError("broken")

    bench.signals.look_again.connect(breaks)
    loop.by = Blocked(1.2, None, "work.py:3 in sleep")
    bench.clock.step(3_600)
    watchdog.turn()
    assert "by a callback at work.py:3" in caplog.text
