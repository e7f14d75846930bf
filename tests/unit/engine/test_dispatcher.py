"""The dispatcher claims what can start now, as much as there is room for."""

from __future__ import annotations

import pytest

from rota.core.run import State
from rota.core.time import SECOND
from tests.unit.engine.context import Bench, Held, nothing_runs, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def held(bench: Bench) -> Held:
    """The executor of all tasks."""
    bench.executors["async"] = executor = Held(slots=2)
    return executor


async def test_the_dispatcher_claims_as_many_runs_as_it_has_free_slots(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    ids = [bench.planned() for _ in range(3)]
    await dispatcher.turn()
    assert [call.run_id for call in held.submitted] == ids[:2]
    assert bench.states() == [State.RUNNING, State.RUNNING, State.QUEUED]
    assert bench.context.in_flight.coming == frozenset()


async def test_the_dispatcher_is_notified_of_runs_available_now_or_later(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    async with bench.running(dispatcher):
        bench.planned()
        bench.signals.runs_available.send(None)
        await until(lambda: len(held.submitted) == 1)
        later = bench.now + SECOND // 100
        bench.planned(available_at=later)
        bench.signals.runs_available.send(later)
        bench.clock.advance(0.01)
        await until(lambda: len(held.submitted) == 2)


async def test_the_dispatcher_claims_again_when_the_clock_was_moved(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    async with bench.running(dispatcher):
        bench.planned(available_at=bench.now + 3 * SECOND)
        bench.clock.advance(3)
        bench.signals.look_again.send()
        assert dispatcher.wake.pending_since is not None
        await until(lambda: len(held.submitted) == 1)


async def test_a_node_that_stops_or_is_a_mere_scheduler_claims_nothing(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    entry = bench.known()
    bench.planned()
    for attribute in ("accepting", "working"):
        setattr(bench.capacity, attribute, False)
        await dispatcher.turn()
        assert dispatcher.reserve(entry, ["new"]) == [None]
        setattr(bench.capacity, attribute, True)
    assert held.submitted == []


async def test_a_slot_is_kept_for_a_run_that_is_planned_and_claimed_in_one(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    entry, own = bench.known(), bench.context.identity.id
    assert dispatcher.reserve(entry, ["a", "b", "c"]) == [own, own, None]
    assert bench.capacity.free("async") == 0
    bench.context.in_flight.give_back("a")
    assert dispatcher.reserve(entry, ["c"]) == [own]


async def test_a_run_whose_task_this_node_does_not_know_is_left(bench: Bench, held: Held) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    bench.known("other")
    bench.context.registry.discard("other")
    bench.planned("other")
    known = bench.planned()
    await dispatcher.turn()
    assert [call.run_id for call in held.submitted] == [known]


async def test_the_dispatcher_claims_again_when_the_ledger_is_back(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    bench.planned()
    with bench.away():
        await dispatcher.turn()
        assert held.submitted == []
        assert bench.context.gateway.trouble
    await dispatcher.turn()
    assert len(held.submitted) == 1


async def test_a_node_that_was_declared_gone_joins_anew_before_it_claims(
    bench: Bench, held: Held
) -> None:
    dispatcher = bench.dispatcher()
    await bench.heartbeat.join()
    bench.known()
    bench.planned()
    found = bench.node(bench.context.identity.id)
    bench.do(lambda tx: tx.reap(nothing_runs, [found]))
    await dispatcher.turn()
    assert held.submitted == []
    assert bench.heartbeat.wake.pending_since is not None
    await bench.heartbeat.beat()
    await dispatcher.turn()
    assert len(held.submitted) == 1
