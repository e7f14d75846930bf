"""The recorder writes how attempts ended, whoever tells it, and whatever one of them is like."""

from __future__ import annotations

import threading

import pytest

from rota.core.outcome import SUCCEEDED, Outcome, OutcomeKind, failure
from rota.core.run import State
from rota.engine.running.recorder import Recorder
from tests.unit.engine.context import Bench, heard, until

pytestmark = pytest.mark.asyncio


async def test_an_end_that_is_sent_from_any_thread_is_written_and_frees_the_slot(
    bench: Bench,
) -> None:
    recorder = Recorder(bench.context)
    available, recorded = heard(bench.signals.runs_available), heard(bench.signals.ends_recorded)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    assert bench.capacity.free("async") == 3
    async with bench.running(recorder):
        thread = threading.Thread(
            target=bench.signals.attempt_ended.send, args=(flight.call, SUCCEEDED)
        )
        thread.start()
        thread.join()
        await until(lambda: recorder.total == 1)
    assert bench.states() == [State.SUCCEEDED]
    assert bench.capacity.free("async") == 4
    assert (None,) in available
    assert recorded == [(frozenset({flight.call.run_id}),)]
    assert recorder.is_idle


async def test_a_failed_run_waits_for_its_retry_and_the_dispatcher_hears_when(
    bench: Bench,
) -> None:
    recorder, available = Recorder(bench.context), heard(bench.signals.runs_available)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known(max_retries=2, retry_delay=30))
    async with bench.running(recorder):
        bench.signals.attempt_ended.send(flight.call, failure(ValueError("no")))
        await until(lambda: recorder.total == 1)
    [run] = bench.runs()
    assert run.state is State.SCHEDULED
    assert run.available_at > bench.now
    assert (run.available_at,) in available


async def test_the_end_of_an_attempt_that_was_given_up_before_changes_nothing(
    bench: Bench,
) -> None:
    recorder = Recorder(bench.context)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    async with bench.running(recorder):
        bench.signals.attempt_ended.send(flight.call, Outcome(OutcomeKind.CANCELLED))
        bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
        await until(lambda: recorder.total == 1 and recorder.is_idle)
    assert bench.states() != [State.SUCCEEDED]


async def test_while_the_ledger_is_away_ends_are_kept_and_written_on_its_return(
    bench: Bench,
) -> None:
    recorder, available = Recorder(bench.context), heard(bench.signals.runs_available)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    async with bench.running(recorder):
        with bench.away():
            bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
            await until(lambda: bench.context.gateway.trouble)
            bench.clock.advance(7)
            assert recorder.unwritten == 1
            assert available == [(None,)], "the slot is free before the end is written"
        await until(lambda: recorder.total == 1)
    [run] = bench.runs()
    assert run.state is State.SUCCEEDED
    assert run.finished_at == bench.now - 7_000_000, "when it ended, not when it was written"


async def test_an_end_that_cannot_be_written_fails_its_run_alone(bench: Bench) -> None:
    bench.sql(
        "CREATE TRIGGER picky BEFORE UPDATE ON runs WHEN NEW.state = 'succeeded' AND"
        " NEW.task_id = 't0' BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
    recorder = Recorder(bench.context)
    await bench.heartbeat.join()
    flights = [bench.in_flight(bench.known(f"t{number}")) for number in range(2)]
    async with bench.running(recorder):
        for flight in flights:
            bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
        await until(lambda: recorder.total == 2)
    assert bench.states() == [State.FAILED, State.SUCCEEDED]
    assert "not this one" in bench.runs()[0].reason


async def test_a_listener_that_raises_keeps_no_end_from_being_written(bench: Bench) -> None:
    recorder = Recorder(bench.context)

    def breaks(_: object) -> None:
        raise RuntimeError("broken")

    bench.signals.runs_available.connect(breaks)
    bench.signals.ends_recorded.connect(breaks)
    await bench.heartbeat.join()
    flight = bench.in_flight(bench.known())
    async with bench.running(recorder):
        bench.signals.attempt_ended.send(flight.call, SUCCEEDED)
        await until(lambda: recorder.total == 1)
    assert bench.states() == [State.SUCCEEDED]


async def test_the_poller_hears_of_ends_that_may_have_paused_their_task(bench: Bench) -> None:
    recorder, paused = Recorder(bench.context), heard(bench.signals.tasks_paused)
    await bench.heartbeat.join()
    no = failure(ValueError("no"))
    paused_by_one = bench.known("paused", pause_after_failures=1, max_retries=0)
    ends = [
        (bench.known("good"), SUCCEEDED, 0),
        (bench.known("bad"), no, 0),
        (bench.known("crashed"), Outcome(OutcomeKind.CRASHED), 1),
        (paused_by_one, no, 2),
    ]
    async with bench.running(recorder):
        for number, (entry, outcome, times) in enumerate(ends):
            bench.signals.attempt_ended.send(bench.in_flight(entry).call, outcome)
            await until(lambda: recorder.total == number + 1)  # noqa: B023
            assert len(paused) == times
    assert bench.context.ledger.history.task("paused").paused_since is not None
