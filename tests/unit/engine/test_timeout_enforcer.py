"""The timeout enforcer first tells an attempt to stop, then gives it up."""

from __future__ import annotations

import pytest

from rota.core.outcome import OutcomeKind
from rota.core.ports.executor import AttemptSpec
from rota.engine.running.timeout_enforcer import CANCEL_GRACE, TIMEOUT_GRACE, TimeoutEnforcer
from tests.unit.engine.context import Bench, Held, ends, heard, until

pytestmark = pytest.mark.asyncio


async def test_an_attempt_past_its_timeout_is_stopped_and_then_abandoned(bench: Bench) -> None:
    enforcer = TimeoutEnforcer(bench.context)
    ended, given_up = ends(bench), heard(bench.signals.attempt_given_up)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known(timeout=3_600))
    executor: Held = flight.executor  # type: ignore[assignment]
    async with bench.running(enforcer):
        bench.clock.advance(3_599)
        bench.signals.look_again.send()
        await until(lambda: not enforcer.wake.pending_since)
        assert executor.stopped == []
        bench.clock.advance(1)
        bench.signals.look_again.send()
        await until(lambda: executor.stopped == [flight.call])
        assert flight.timed_out
        assert ended == []
        bench.clock.advance(TIMEOUT_GRACE)
        bench.signals.look_again.send()
        await until(lambda: ended)
    assert executor.abandoned == [flight.call]
    assert given_up == [(flight,)]
    assert ended[0][1].kind is OutcomeKind.CANCELLED


async def test_a_cancellation_is_heard_from_the_ledger_and_has_its_grace(bench: Bench) -> None:
    enforcer = TimeoutEnforcer(bench.context)
    ended = ends(bench)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    executor: Held = flight.executor  # type: ignore[assignment]
    bench.signals.cancellations_requested.send({"of another node": "no", flight.call.run_id: "no"})
    assert executor.stopped == [flight.call]
    assert (flight.cancel_reason, flight.timed_out) == ("no", False)
    async with bench.running(enforcer):
        bench.clock.advance(CANCEL_GRACE)
        bench.signals.look_again.send()
        await until(lambda: ended)
    assert executor.abandoned == [flight.call]


async def test_an_attempt_that_has_ended_is_left_alone(bench: Bench) -> None:
    enforcer = TimeoutEnforcer(bench.context)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known(timeout=3_600))
    executor: Held = flight.executor  # type: ignore[assignment]
    bench.context.in_flight.pop(flight.call)
    async with bench.running(enforcer):
        bench.clock.advance(3_600)
        bench.signals.look_again.send()
        await until(lambda: len(enforcer) == 0)
    assert executor.stopped == []


async def test_a_node_that_was_declared_gone_lets_go_of_everything_and_records_nothing(
    bench: Bench,
) -> None:
    TimeoutEnforcer(bench.context)
    ended = ends(bench)
    await bench.heartbeat.join()
    flights = [bench.in_flight(bench.known(f"t{number}")) for number in range(2)]
    bench.signals.declared_gone.send()
    assert len(bench.context.in_flight) == 0
    assert [one.executor.abandoned for one in flights] == [[one.call] for one in flights]  # type: ignore[attr-defined]
    assert ended == []


async def test_an_attempt_that_cannot_be_stopped_delays_no_other_stop(
    bench: Bench,
) -> None:
    class Broken(Held):
        def stop(self, call: AttemptSpec) -> None:
            raise RuntimeError("it is gone")

    enforcer = TimeoutEnforcer(bench.context)
    await bench.heartbeat.join()
    flights = [bench.in_flight(bench.known(f"t{number}", timeout=3_600)) for number in range(2)]
    flights[0].executor = Broken()
    executor: Held = flights[1].executor  # type: ignore[assignment]
    async with bench.running(enforcer):
        bench.clock.advance(3_600)
        bench.signals.look_again.send()
        await until(lambda: executor.stopped)
    bench.signals.declared_gone.send()
    assert len(bench.context.in_flight) == 0
