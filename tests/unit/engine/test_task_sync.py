"""Task sync lays what this node knows down in the ledger, and takes over what stands there."""

from __future__ import annotations

import asyncio

import pytest

from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.planning.task_sync import TaskSync
from rota.scheduling import TickingClock
from tests.unit.engine.context import Bench, heard, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def ticking(bench: Bench) -> TickingClock:
    return TickingClock(bench.clock, bench.signals.tasks_due.send)


@pytest.fixture
def sync(bench: Bench, ticking: TickingClock) -> TaskSync:
    return TaskSync(bench.context, ticking)


async def test_every_known_task_is_registered_at_the_start_and_fires(
    bench: Bench, sync: TaskSync, ticking: TickingClock
) -> None:
    entry = bench.unwritten()
    await sync.register_all()
    assert [one.record.id for one in bench.ledger.real_history.tasks()] == ["t"]
    assert bench.context.registry.revision == entry.revision > 0
    assert ticking.next_of("t") == entry.trigger.next_after(entry.planned_until)


async def test_a_task_that_is_added_while_it_runs_is_registered_at_once(
    bench: Bench, sync: TaskSync, ticking: TickingClock
) -> None:
    await sync.register_all()
    async with bench.running(sync):
        entry = bench.unwritten()
        sync.add(entry)
        await until(lambda: ticking.next_of("t"))
    assert entry.known_since == bench.now


async def test_a_pause_that_was_written_elsewhere_holds_here(bench: Bench, sync: TaskSync) -> None:
    entry = await registered(bench, sync)
    bench.do(lambda tx: tx.pause("t", bench.now, None, "ill"))
    for stored in bench.ledger.real_history.tasks():
        bench.signals.task_changed.send(stored)
    assert entry.is_paused(bench.now)
    assert entry.next_run(bench.now) is None


async def test_an_older_revision_changes_nothing(bench: Bench, sync: TaskSync) -> None:
    entry = await registered(bench, sync)
    [old] = bench.ledger.real_history.tasks()
    bench.do(lambda tx: tx.pause("t", bench.now, None, "ill"))
    [new] = bench.ledger.real_history.tasks()
    for stored in (new, old):
        bench.signals.task_changed.send(stored)
    assert entry.paused


async def test_a_task_that_was_removed_elsewhere_is_known_no_more(
    bench: Bench, sync: TaskSync, ticking: TickingClock
) -> None:
    await registered(bench, sync)
    bench.do(lambda tx: tx.remove("t", bench.now))
    for stored in bench.ledger.real_history.changed_tasks(0):
        bench.signals.task_changed.send(stored)
    assert bench.context.registry.get("t") is None
    assert ticking.next_of("t") is None


async def test_what_the_ledger_said_before_a_registration_changes_nothing(
    bench: Bench, sync: TaskSync, ticking: TickingClock
) -> None:
    """A task is removed and added again, and the removal is noticed before the registration."""
    await registered(bench, sync)
    bench.do(lambda tx: tx.remove("t", bench.now))
    entry = bench.unwritten()
    for stored in bench.ledger.real_history.changed_tasks(0):
        bench.signals.task_changed.send(stored)
    sync.add(entry)
    await sync.register_added()
    assert bench.context.registry.get("t") is entry
    assert ticking.next_of("t") == entry.trigger.next_after(entry.planned_until)


async def test_what_is_noticed_during_a_registration_holds_after_it(
    bench: Bench, sync: TaskSync
) -> None:
    await registered(bench, sync)
    entry = bench.unwritten()
    sync.add(entry)
    bench.do(lambda tx: tx.pause("t", bench.now, None, "ill"))
    for stored in bench.ledger.real_history.changed_tasks(0):
        bench.signals.task_changed.send(stored)
    await sync.register_added()
    assert entry.is_paused(bench.now)


async def test_after_the_clock_was_set_back_it_plans_from_then_on_and_says_so(
    bench: Bench, sync: TaskSync
) -> None:
    entry = await registered(bench, sync)
    again = heard(bench.signals.look_again)
    bench.clock.advance(3_600)
    entry.planned_until = bench.now  # as if all up to now were planned
    bench.clock.step(-3_600)
    bench.signals.clock_set_back.send(bench.now)
    await until(lambda: again)
    assert entry.planned_until == bench.now
    assert entry.is_behind


async def test_while_the_ledger_is_away_an_added_task_waits(
    bench: Bench, sync: TaskSync, ticking: TickingClock
) -> None:
    await sync.register_all()
    async with bench.running(sync):
        with bench.away():
            sync.add(bench.unwritten())
            await until(lambda: bench.context.gateway.trouble)
            assert ticking.next_of("t") is None
        await until(lambda: ticking.next_of("t"))


async def registered(bench: Bench, sync: TaskSync) -> RegisteredTask:
    entry = bench.unwritten()
    await asyncio.wait_for(sync.register_all(), 60)
    return entry
