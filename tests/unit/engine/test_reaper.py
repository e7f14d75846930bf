"""The reaper takes over the runs of nodes that are gone, and of no others."""

from __future__ import annotations

import pytest

from rota.core.run import State
from rota.core.time import seconds, to_iso
from rota.engine.membership.reaper import Reaper
from rota.errors import LedgerError
from tests.unit.engine.context import LEASE, Bench, heard

pytestmark = pytest.mark.asyncio

EVERY = LEASE / 5


async def reaper_of(bench: Bench) -> Reaper:
    await bench.heartbeat.join()
    return Reaper(bench.context, bench.heartbeat, bench.stuck, every=EVERY)


async def pass_lease(bench: Bench, reaper: Reaper) -> None:
    """Let the others be silent for longer than their lease."""
    for _ in range(6):
        bench.clock.advance(EVERY)
        await reaper.reap()


async def test_the_runs_of_a_silent_node_wait_again_and_the_dispatcher_hears_of_it(
    bench: Bench,
) -> None:
    reaper = await reaper_of(bench)
    bench.known(max_retries=3)
    bench.join("other")
    claim = bench.claimed(node="other")
    await reaper.reap()
    available = heard(bench.signals.runs_available)
    assert bench.states() == [State.RUNNING]
    await pass_lease(bench, reaper)
    assert bench.node("other").state == "gone"
    [run] = bench.runs()
    assert (run.id, run.state) == (claim.run_id, State.QUEUED)
    assert available == [(None,)]


async def test_a_long_run_of_a_healthy_node_is_left_alone(bench: Bench) -> None:
    reaper = await reaper_of(bench)
    bench.known()
    bench.join("other")
    bench.claimed(node="other")
    for _ in range(50):
        bench.clock.advance(EVERY)
        until = bench.now + seconds(LEASE)
        bench.do(lambda tx: tx.heartbeat("other", bench.now, until, {}))  # noqa: B023
        await reaper.reap()
    assert bench.states() == [State.RUNNING]


async def test_an_unconfirmed_run_waits_again_at_the_second_check(
    bench: Bench,
) -> None:
    reaper = await reaper_of(bench)
    bench.known()
    bench.claimed()  # the answer to this claim was lost
    await reaper.reap()
    assert bench.states() == [State.RUNNING]
    await reaper.reap()
    [run] = bench.runs()
    assert (run.state, run.crashes) == (State.QUEUED, 0)


async def test_a_run_in_flight_here_is_left_alone(bench: Bench) -> None:
    reaper = await reaper_of(bench)
    bench.in_flight(bench.known())
    for _ in range(3):
        await reaper.reap()
    assert bench.states() == [State.RUNNING]


async def test_what_is_stuck_on_other_nodes_is_known_here(bench: Bench) -> None:
    reaper = await reaper_of(bench)
    bench.join("other", info={"stuck": {"t": "work.py:3"}})
    await reaper.reap()
    when = f"when that was last heard of, at {to_iso(bench.now)}"
    assert bench.stuck.anywhere() == {"t": f"was stuck at work.py:3 on node node other {when}"}


async def test_nothing_is_stuck_on_a_node_that_is_gone(bench: Bench) -> None:
    reaper = await reaper_of(bench)
    bench.join("other", info={"stuck": {"t": "work.py:3"}})
    await reaper.reap()
    await pass_lease(bench, reaper)
    assert bench.stuck.anywhere() == {}


async def test_no_node_is_declared_gone_while_the_ledger_is_away(bench: Bench) -> None:
    reaper = await reaper_of(bench)
    bench.join("other")
    await reaper.reap()
    with bench.away():
        for _ in range(6):
            bench.clock.advance(EVERY)
            with pytest.raises(LedgerError):
                await reaper.reap()
            await reaper._try()  # as its loop does
    await reaper.reap()
    assert bench.node("other").state == "up"
    await pass_lease(bench, reaper)
    assert bench.node("other").state == "gone"
