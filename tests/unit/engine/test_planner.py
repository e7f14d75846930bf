"""The planner writes a row for every occurrence of what is due, before anything starts."""

from __future__ import annotations

import pytest

from rota.core.audit import UNNAMED_ACTOR
from rota.core.run import State
from rota.core.time import SECOND, Instant
from rota.engine.planning.manual_starts import ManualStart
from rota.engine.planning.planner import Planner
from rota.engine.planning.task_registry import RegisteredTask
from rota.scheduling import DueTask
from tests.unit.engine.context import Bench, Held, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def held(bench: Bench) -> Held:
    """The executor of all tasks."""
    bench.executors["async"] = executor = Held()
    return executor


def planner_of(bench: Bench) -> Planner:
    return Planner(bench.context, bench.ids, bench.dispatcher(), bench.stuck)


def due(bench: Bench, entry: RegisteredTask) -> Instant:
    """Let the next instant of a task come, and tell of it as a tick does."""
    instant = entry.trigger.next_after(entry.planned_until)
    assert instant is not None
    bench.clock.advance((instant - bench.now) / SECOND)
    bench.signals.tasks_due.send([DueTask(entry.definition.id, instant, instant)])
    return instant


async def test_what_is_due_is_planned_claimed_and_started_in_one_write(
    bench: Bench, held: Held
) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known(seconds=5)
    async with bench.running(planner):
        instant = due(bench, entry)
        await until(lambda: planner.is_idle)
    [run] = bench.runs()
    assert (run.fire_time, run.state) == (instant, State.RUNNING)
    assert [call.run_id for call in held.submitted] == [run.id]
    [stored] = bench.ledger.real_history.tasks(["t"])
    assert entry.planned_until == stored.planned_until == instant


async def test_an_occurrence_that_has_its_row_gets_no_other_one(bench: Bench, held: Held) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known(seconds=5, overlap="allow")
    async with bench.running(planner):
        instant = due(bench, entry)
        await until(lambda: planner.is_idle)
        entry.fall_back(instant - 1)
        bench.signals.tasks_due.send([DueTask("t", None, instant)])
        await until(lambda: planner.is_idle)
    assert len(bench.runs()) == 1


async def test_while_the_ledger_is_away_what_is_due_waits_and_is_then_planned(
    bench: Bench, held: Held
) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known(seconds=5)
    async with bench.running(planner):
        with bench.away():
            instant = due(bench, entry)
            await until(lambda: bench.context.gateway.trouble)
            await until(lambda: planner.waiting() == {"t": instant})
        await bench.heartbeat.beat()
        await until(lambda: planner.is_idle)
    assert [run.fire_time for run in bench.runs()] == [instant]
    assert not bench.context.in_flight.kept


async def test_a_task_that_cannot_be_planned_keeps_no_other_one_from_it(
    bench: Bench, held: Held
) -> None:
    class Broken:
        jitter = 0

        def next_after(self, instant: Instant) -> Instant | None:
            raise RuntimeError("no calendar")

        last_before = next_after

    planner = planner_of(bench)
    await bench.heartbeat.join()
    bad, good = bench.known("bad", seconds=5), bench.known("good", seconds=5)
    instant = good.trigger.next_after(good.planned_until)
    assert instant is not None
    bad.trigger = Broken()  # type: ignore[assignment]
    async with bench.running(planner):
        bench.clock.advance((instant - bench.now) / SECOND)
        bench.signals.tasks_due.send([DueTask(id, instant, instant) for id in ("bad", "good")])
        bad.is_behind = True
        await until(lambda: planner.is_idle)
    assert [run.task_id for run in bench.runs()] == ["good"]
    assert list(planner.refusals.found()) == ["bad"]
    assert "no calendar" in planner.refusals.found()["bad"]


async def test_an_occurrence_of_a_task_that_is_stuck_is_skipped(bench: Bench, held: Held) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known(seconds=5)
    bench.stuck.elsewhere = {"t": "was stuck at work.py:3 on node b when that was last heard of"}
    async with bench.running(planner):
        due(bench, entry)
        await until(lambda: planner.is_idle)
    [run] = bench.runs()
    assert run.state is State.SKIPPED
    assert run.reason == (
        "an attempt that timed out was stuck at work.py:3 on node b when that was last heard of"
    )


async def test_what_is_started_by_hand_is_durable_when_it_returns(bench: Bench, held: Held) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known(overlap="allow")
    ids = await planner.start_manually(entry, [ManualStart({"n": 1}), ManualStart()], UNNAMED_ACTOR)
    assert [run.id for run in bench.runs()] == ids
    assert [call.kwargs for call in held.submitted] == [{"n": 1}, {}]


async def test_a_slot_that_was_kept_is_free_again_if_the_ledger_is_away(
    bench: Bench, held: Held
) -> None:
    planner = planner_of(bench)
    await bench.heartbeat.join()
    entry = bench.known()
    with bench.away(), pytest.raises(Exception, match="away"):
        await planner.start_manually(entry, [ManualStart()], UNNAMED_ACTOR)
    assert bench.capacity.free("async") == held.slots
