"""The change poller notices what other processes wrote, and reads no more than that."""

from __future__ import annotations

import pytest

from rota.core.ports.records import StoredTask
from rota.core.time import SECOND
from rota.engine.upkeep import change_poller
from rota.engine.upkeep.change_poller import ChangePoller
from tests.unit.engine.context import Bench, heard, until

pytestmark = pytest.mark.asyncio


async def test_what_another_process_wrote_is_sent_once(bench: Bench) -> None:
    poller = ChangePoller(bench.context)
    bench.known()
    await poller.turn()
    changed, available = heard(bench.signals.task_changed), heard(bench.signals.runs_available)
    await poller.turn()
    assert (changed, available) == ([], [])
    bench.do(lambda tx: tx.pause("t", bench.now, None, "ill"))
    await poller.turn()
    [(stored,)] = changed
    assert stored.pause_reason == "ill"
    assert bench.context.registry.revision == stored.revision
    assert available == [(None,)]
    await poller.turn()
    assert len(changed) == 1


async def test_a_run_that_is_to_be_cancelled_here_is_named(bench: Bench) -> None:
    poller = ChangePoller(bench.context)
    await bench.heartbeat.join()
    bench.known()
    claim = bench.claimed()
    bench.do(lambda tx: tx.cancel(claim.run_id, "no longer needed", bench.now))
    requested = heard(bench.signals.cancellations_requested)
    await poller.turn()
    assert requested == [({claim.run_id: "no longer needed"},)]


async def test_the_dispatcher_gets_the_time_of_a_run_available_soon(bench: Bench) -> None:
    poller, available = ChangePoller(bench.context), heard(bench.signals.runs_available)
    bench.known()
    soon = bench.now + 3 * SECOND
    bench.planned(available_at=soon)
    bench.planned(available_at=soon + 3_600 * SECOND)
    await poller.turn()
    assert [at for (at,) in available if at is not None] == [soon]


async def test_while_the_ledger_is_away_nothing_is_lost(bench: Bench) -> None:
    poller, changed = ChangePoller(bench.context), heard(bench.signals.task_changed)
    bench.known()
    with bench.away():
        await poller.turn()
    assert changed == []
    await poller.turn()
    assert [one.record.id for (one,) in changed] == ["t"]


async def test_a_change_that_cannot_be_taken_keeps_no_later_one_from_it(bench: Bench) -> None:
    taken: list[str] = []

    def take(stored: StoredTask) -> None:
        if stored.record.id == "bad":
            raise RuntimeError("no such trigger")
        taken.append(stored.record.id)

    bench.signals.task_changed.connect(take)
    poller = ChangePoller(bench.context)
    for task_id in ("bad", "good"):
        bench.known(task_id)
    await poller.turn()
    assert taken == ["good"]


async def test_a_pause_of_the_engine_is_read_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_poller, "until_beat", lambda now: 3_600.0)
    poller, changed = ChangePoller(bench.context), heard(bench.signals.task_changed)
    bench.known()
    async with bench.running(poller):
        bench.do(lambda tx: tx.pause("t", bench.now, None, "crashed"))
        bench.signals.tasks_paused.send()
        await until(changed.__len__)
