"""The pruner deletes history past its retention, and tasks that no node has known for as long."""

from __future__ import annotations

import pytest

from rota.core.outcome import SUCCEEDED
from rota.core.time import DAY, SECOND
from rota.engine.running.recorder import Recorder
from rota.engine.upkeep.pruner import Pruner
from tests.unit.engine.context import Bench, until

pytestmark = pytest.mark.asyncio

DAYS = 7


async def ended_run(bench: Bench) -> str:
    recorder = Recorder(bench.context)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    async with bench.running(recorder):
        bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
        await until(lambda: recorder.total == 1)
    return flight.call.run_id


async def test_an_ended_run_is_kept_for_the_retention_and_then_deleted(bench: Bench) -> None:
    pruner = Pruner(bench.context, days=DAYS)
    await ended_run(bench)
    waits = bench.planned()
    bench.clock.advance(DAYS * DAY / SECOND - 1)
    await pruner.turn()
    assert len(bench.runs()) == 2
    bench.clock.advance(2)
    await pruner.turn()
    assert [run.id for run in bench.runs()] == [waits], "what has not ended stays"


async def test_a_task_that_no_node_knows_is_forgotten_after_the_retention(bench: Bench) -> None:
    pruner = Pruner(bench.context, days=DAYS)
    for task_id in ("known", "unknown"):
        bench.known(task_id)
    bench.context.registry.discard("unknown")
    for _ in range(DAYS):
        await pruner.turn()
        assert len(bench.ledger.real_history.tasks()) == 2
        bench.clock.advance(DAY / SECOND)
    bench.clock.advance(1)
    await pruner.turn()
    assert [one.record.id for one in bench.ledger.real_history.tasks()] == ["known"]


async def test_while_the_ledger_is_away_the_next_turn_does_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    pruner = Pruner(bench.context, days=DAYS)
    await ended_run(bench)
    bench.clock.advance(DAYS * DAY / SECOND + 1)
    with bench.away():
        await pruner.turn()
    assert "Could not prune" in caplog.text
    await pruner.turn()
    assert bench.runs() == []
