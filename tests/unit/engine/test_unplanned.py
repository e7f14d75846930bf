"""A task that should have been planned and was not is found by what is due."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rota.diagnosis import thresholds
from rota.engine.health.unplanned import UnplannedCheck
from rota.engine.planning.planner import Planner
from rota.scheduling import DueTask, TickingClock
from tests.unit.engine.context import Bench


@pytest.fixture
def ticking(bench: Bench) -> Iterator[TickingClock]:
    """A clock that is started, and tells nobody what is due."""
    ticking = TickingClock(bench.clock, lambda _: None)
    ticking.start()
    yield ticking
    ticking.stop()


@pytest.fixture
def unplanned(
    bench: Bench, ticking: TickingClock, monkeypatch: pytest.MonkeyPatch
) -> UnplannedCheck:
    monkeypatch.setattr(thresholds, "PLAN_SURE", 0.0)
    planner = Planner(bench.context, bench.ids, bench.dispatcher(), bench.stuck)
    return UnplannedCheck(bench.context, ticking, planner)


def test_a_task_that_the_clock_has_lost_is_named(bench: Bench, unplanned: UnplannedCheck) -> None:
    bench.known(seconds=10)
    unplanned.check()
    assert unplanned.overdue() == []
    bench.clock.advance(10 + 6)
    unplanned.check()
    assert unplanned.overdue() == [("t", 6.0)]


def test_a_task_that_fell_due_and_is_not_taken_up_is_named(
    bench: Bench, unplanned: UnplannedCheck, ticking: TickingClock
) -> None:
    entry = bench.known(seconds=3_600)
    ticking.put("t", entry.trigger, entry.planned_until)
    bench.signals.tasks_due.send([DueTask("t", None, bench.now)])
    bench.clock.advance(6)
    unplanned.check()
    assert len(unplanned.overdue()) == 1


def test_a_paused_task_and_one_that_the_ledger_does_not_have_yet_are_not(
    bench: Bench, unplanned: UnplannedCheck
) -> None:
    bench.known("paused", seconds=10).paused = True
    bench.unwritten("new", seconds=10)
    bench.clock.advance(60)
    unplanned.check()
    assert unplanned.overdue() == []


@pytest.mark.asyncio
async def test_while_the_ledger_is_away_nothing_is_found(
    bench: Bench, unplanned: UnplannedCheck
) -> None:
    bench.known(seconds=10)
    with bench.away(), pytest.raises(Exception, match="away"):
        await bench.context.gateway.once(lambda tx: None)
    bench.clock.advance(60)
    unplanned.check()
    assert unplanned.overdue() == []
