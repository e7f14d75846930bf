"""Stopping, giving up and shutting down, the same in every executor."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import psutil
import pytest

from rota.core.outcome import OutcomeKind
from rota.errors import StateError
from tests.conformance.executors.harness import Rig, Ticket, until


def test_an_attempt_that_obeys_is_cancelled(rig: Rig) -> None:
    ticket = rig.begin("obey")
    ticket.wait_begun()
    rig.executor.stop(ticket.call)
    assert ticket.outcome().kind is OutcomeKind.CANCELLED
    assert rig.begin("add", 1).result() == 1
    assert len(ticket.outcomes) == 1


def test_an_attempt_stopped_before_it_began_never_begins(rig: Rig) -> None:
    busy = [rig.begin("obey") for _ in range(4)]
    waiting = rig.ticket("report")
    rig.executor.submit([waiting.call], waiting.done)
    rig.executor.stop(waiting.call)
    for ticket in busy:
        rig.executor.stop(ticket.call)
        ticket.outcome()
    assert waiting.outcome().kind in (OutcomeKind.CANCELLED, OutcomeKind.SUCCEEDED)
    assert bool(waiting.progresses) == (waiting.outcome().kind is OutcomeKind.SUCCEEDED)


def test_stopping_what_has_ended_changes_nothing(rig: Rig) -> None:
    ticket = rig.begin("nothing")
    ticket.outcome()
    rig.executor.stop(ticket.call)
    rig.executor.abandon(ticket.call)
    assert rig.executor.stuck() == []
    assert rig.begin("add", 1).result() == 1


def test_abandoned_ones_leave_their_slots_to_others(rig: Rig, gate: Path) -> None:
    deaf = []
    for _ in range(rig.executor.slots if rig.executor.slots < 10 else 10):
        deaf.append(rig.begin_deaf(gate))
        rig.executor.stop(deaf[-1].call)
        rig.executor.abandon(deaf[-1].call)
        assert rig.begin("add", 1).result() == 1
    if rig.name != "processes":  # those are killed
        assert {one.run_id for one in rig.executor.stuck()} == {one.call.run_id for one in deaf}
        assert all(f"{Path(str(deaf[0].call.file))}:" in s.place for s in rig.executor.stuck())
    parallel = [rig.begin_deaf(gate) for _ in range(min(rig.executor.slots, 10))]
    gate.touch()
    assert [ticket.result() for ticket in parallel] == ["at last"] * len(parallel)
    until(lambda: not rig.executor.stuck())
    if rig.name != "processes":
        assert not any(ticket.outcomes for ticket in deaf)


def test_an_abandoned_one_is_not_heard_any_more(rig: Rig, gate: Path) -> None:
    ticket = rig.begin_deaf(gate)
    rig.executor.abandon(ticket.call)
    gate.touch()
    until(lambda: not rig.executor.stuck())
    assert not ticket.outcomes
    assert rig.begin("add", 1).result() == 1


def test_an_attempt_abandoned_before_it_began_never_begins(rig: Rig, gate: Path) -> None:
    busy = [rig.begin_deaf(gate) for _ in range(min(rig.executor.slots, 4))]
    waiting = rig.ticket("report")
    rig.executor.submit([waiting.call], waiting.done)
    rig.executor.abandon(waiting.call)
    gate.touch()
    assert [ticket.result() for ticket in busy] == ["at last"] * len(busy)
    assert rig.begin("add", 1).result() == 1
    if not rig.name.startswith("aio"):  # there it need not wait
        assert not waiting.outcomes


def test_stopping_and_abandoning_at_any_moment_ends_everything_once(rig: Rig) -> None:
    chance = random.Random(11)
    tickets = [rig.begin(chance.choice(["obey", "nothing"])) for _ in range(24)]
    given_up = set(chance.sample(tickets, 8))

    def meddle(mine: list[Ticket]) -> None:
        for ticket in mine:
            rig.executor.stop(ticket.call)
            if ticket in given_up:
                rig.executor.abandon(ticket.call)

    threads = [threading.Thread(target=meddle, args=(tickets[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for ticket in set(tickets) - given_up:
        ticket.outcome()
    for thread in threads:
        thread.join()
    until(lambda: not rig.executor.stuck())
    assert rig.begin("add", 1).result() == 1
    assert all(len(ticket.outcomes) == 1 for ticket in set(tickets) - given_up)
    assert all(len(ticket.outcomes) <= 1 for ticket in given_up)


def test_shutdown_ends_what_runs(rig: Rig) -> None:
    tickets = [rig.begin("obey") for _ in range(5)]
    tickets[0].wait_begun()
    rig.executor.shutdown()
    assert {ticket.outcome().kind for ticket in tickets} == {OutcomeKind.CANCELLED}
    assert all(len(ticket.outcomes) == 1 for ticket in tickets)


def test_shutdown_does_not_wait_for_attempts_that_ignore_cancellation(rig: Rig, gate: Path) -> None:
    ticket = rig.begin_deaf(gate)
    thread = threading.Thread(target=rig.executor.shutdown)
    thread.start()
    thread.join(90)
    assert not thread.is_alive()
    gate.touch()
    until(lambda: not rig.executor.stuck())
    assert [one.kind for one in ticket.outcomes] in ([], [OutcomeKind.CANCELLED])


def test_an_executor_can_be_shut_down_twice_and_started_again(rig: Rig) -> None:
    for _ in range(3):
        assert rig.begin("add", 1).result() == 1
        rig.executor.shutdown()
        rig.executor.shutdown()
        with pytest.raises(StateError):
            rig.begin("add", 1)
        rig.executor.start()
        rig.executor.start()
    assert rig.begin("add", 1).result() == 1


def test_an_executor_leaves_no_thread_or_process_after_shutdown(rig: Rig) -> None:
    rig.executor.shutdown()
    me = psutil.Process()
    until(lambda: "rota-memory" not in {thread.name for thread in threading.enumerate()})
    before = (threading.active_count(), me.num_fds(), len(me.children(recursive=True)))
    for _ in range(2):
        rig.executor.start()
        running = [rig.begin("obey") for _ in range(3)]
        running[0].wait_begun()
        rig.executor.shutdown()

    def now() -> tuple[int, int, int]:
        return (threading.active_count(), me.num_fds(), len(me.children(recursive=True)))

    def is_as_before() -> bool:  # or less: what earlier tests left may have ended meanwhile
        return all(count <= known for count, known in zip(now(), before, strict=True))

    until(is_as_before, f"{before} again")
