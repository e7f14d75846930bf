"""A node ends within its grace: what runs may finish, the rest is handed back, all is written."""

from __future__ import annotations

import pytest

from rota.core.outcome import SUCCEEDED
from rota.core.run import State
from rota.engine.membership import shutdown as module
from rota.engine.membership.shutdown import Shutdown
from rota.engine.planning.planner import Planner
from rota.engine.running.log_flusher import LogFlusher
from rota.engine.running.recorder import Recorder
from rota.engine.running.timeout_enforcer import TimeoutEnforcer
from tests.unit.engine.context import Bench, Held

pytestmark = pytest.mark.asyncio


class Parts:
    """What a shutdown ends."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        context = bench.context
        bench.executors["async"] = Held()
        self.recorder = Recorder(context)
        self.enforcer = TimeoutEnforcer(context)
        self.planner = Planner(context, bench.ids, bench.dispatcher(), bench.stuck)
        self.shutdown = Shutdown(
            context,
            bench.capacity,
            bench.heartbeat,
            self.planner,
            self.enforcer,
            self.recorder,
            LogFlusher(context),
        )

    async def run(self, grace: float) -> bool:
        async with self.bench.running(self.recorder, self.enforcer, self.planner):
            return await self.shutdown.run(grace)


@pytest.fixture
def parts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr(module, "LAST_GRACE", 0.05)
    return Parts(bench)


async def test_a_node_with_nothing_to_do_leaves_at_once(bench: Bench, parts: Parts) -> None:
    await bench.heartbeat.join()
    node_id = bench.context.identity.id
    assert await parts.run(grace=60)
    assert bench.node(node_id).state == "stopped"
    assert not bench.capacity.accepting
    assert not bench.heartbeat.beating


async def test_what_ends_within_the_grace_ends_by_itself(bench: Bench, parts: Parts) -> None:
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
    assert await parts.run(grace=60)
    assert bench.states() == [State.SUCCEEDED]


async def test_what_does_not_end_is_handed_back_and_waits_again(bench: Bench, parts: Parts) -> None:
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    executor: Held = flight.executor  # type: ignore[assignment]
    assert not await parts.run(grace=0)
    assert (executor.stopped, executor.abandoned) == ([flight.call], [flight.call])
    [run] = bench.runs()
    assert run.state is State.QUEUED
    assert "handed back by node bench" in str(run.reason)


async def test_a_second_stop_ends_the_grace(bench: Bench, parts: Parts) -> None:
    await bench.heartbeat.join()
    bench.in_flight(bench.known())
    parts.shutdown.end_now.set()
    assert not await parts.run(grace=3_600)
    assert bench.states() == [State.QUEUED]


async def test_a_node_that_never_joined_has_promised_nothing(bench: Bench, parts: Parts) -> None:
    assert await parts.run(grace=0)
    assert bench.ledger.real_history.nodes() == []


async def test_a_node_ends_without_the_ledger_and_reports_what_is_not_written(
    bench: Bench,
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "LAST_WRITES", 0.2)
    monkeypatch.setattr(module, "LAST_CLAIMS", 0.05)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    with bench.away():
        bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
        assert not await parts.run(grace=0)
    assert "the ends of 1 attempts are not written" in caplog.text
    assert bench.states() == [State.RUNNING]
