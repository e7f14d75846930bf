"""The heartbeat holds the lease of this node, and knows whether it surely does."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.time import seconds
from rota.engine.membership.heartbeat import Heartbeat
from rota.errors import LedgerError
from tests.unit.engine.context import LEASE, Bench, heard, nothing_runs, until

pytestmark = pytest.mark.asyncio


def holds(bench: Bench) -> bool:
    return bench.heartbeat.holds


async def test_a_lease_holds_until_it_has_run_out_by_either_clock(bench: Bench) -> None:
    heartbeat = bench.heartbeat
    assert not holds(bench)
    await heartbeat.join()
    assert holds(bench)
    bench.clock.advance(LEASE - 1)
    assert holds(bench)
    await heartbeat.beat()
    bench.clock.advance(LEASE - 1)
    assert holds(bench)
    bench.clock.step(1)  # a machine was suspended: its monotonic clock may stand still
    assert not holds(bench)


async def test_a_heartbeat_renews_the_lease_and_describes_the_node(bench: Bench) -> None:
    bench.signals.beat_prepared.connect(lambda info: info.update(tasks=3))
    await bench.heartbeat.join()
    bench.clock.advance(3)
    await bench.heartbeat.beat()
    node = bench.node(bench.context.identity.id)
    assert node.lease_until == bench.now + seconds(LEASE)
    assert node.info["tasks"] == 3


async def test_a_heartbeat_is_sent_even_if_its_figures_are_unavailable(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(info: dict[str, Any]) -> None:
        raise RuntimeError("no such thing")

    bench.signals.beat_prepared.connect(breaks)
    bench.signals.beat_prepared.connect(lambda info: info.update(tasks=3))
    await bench.heartbeat.join()
    bench.clock.advance(3)
    await bench.heartbeat.beat()
    assert bench.node(bench.context.identity.id).info == {"tasks": 3}
    assert holds(bench)
    assert "beat_prepared" in caplog.text


async def test_a_beat_brings_the_cancellations_of_runs_here(bench: Bench) -> None:
    await bench.heartbeat.join()
    bench.known()
    claim = bench.claimed()
    requested = heard(bench.signals.cancellations_requested)
    bench.do(lambda tx: tx.cancel(claim.run_id, "no longer needed", bench.now))
    await bench.heartbeat.beat()
    assert requested == [({claim.run_id: "no longer needed"},)]


async def test_a_node_that_was_declared_gone_lets_go_and_joins_under_a_new_id(
    bench: Bench,
) -> None:
    await bench.heartbeat.join()
    identity = bench.context.identity
    old = identity.id
    ids: list[str] = []
    bench.signals.declared_gone.connect(lambda: ids.append(identity.id))
    found = bench.node(old)
    bench.do(lambda tx: tx.reap(nothing_runs, [found]))
    await bench.heartbeat.beat()
    assert ids == [old], "what runs is let go of before there is another id"
    assert identity.id != old
    assert holds(bench)
    assert (bench.node(old).state, bench.node(identity.id).state) == ("gone", "up")


async def test_without_the_ledger_a_lease_runs_out_and_holds_again_on_its_return(
    bench: Bench,
) -> None:
    await bench.heartbeat.join()
    bench.clock.advance(LEASE)
    with bench.away():
        with pytest.raises(LedgerError):
            await bench.heartbeat.beat()
        assert not holds(bench)
    assert bench.heartbeat.gaps == 1  # at the joining, there was none yet
    await bench.heartbeat.hold()
    assert holds(bench)
    assert bench.heartbeat.gaps == 2


async def test_a_heartbeat_is_sent_at_once_after_an_abandoned_attempt_or_a_clock_step(
    bench: Bench,
) -> None:
    heartbeat = Heartbeat(bench.context, bench.capacity, lease=3_600)
    await heartbeat.join()
    beats = heard(bench.signals.beat_prepared)
    async with bench.running(heartbeat):
        bench.signals.look_again.send()
        await until(lambda: len(beats) == 1)
        bench.signals.attempt_given_up.send(None)  # type: ignore[arg-type]
        await until(lambda: len(beats) == 2)
