"""What the loop's executor goes through beside the common suite."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.core.outcome import OutcomeKind
from rota.executors.coroutines.executor import AioExecutor, BlockedLoop
from tests.conformance.executors import hardships
from tests.conformance.executors.conftest import lent_loop, started
from tests.conformance.executors.harness import DEADLINE, Rig, Ticket, until

CANCELLED, FAILED = OutcomeKind.CANCELLED, OutcomeKind.FAILED
HERE = str(hardships.__file__)


@pytest.fixture(autouse=True)
def _free_at_last() -> Iterator[None]:
    hardships.free.clear()
    yield
    hardships.free.set()


def blocked(rig: Rig) -> BlockedLoop:
    executor = rig.executor
    assert isinstance(executor, AioExecutor)
    found: list[BlockedLoop] = []

    def named() -> bool:
        if (one := executor.blocked()) is not None:
            found.append(one)
        return bool(found)

    until(named, "blocked")
    return found[0]


def test_a_coroutine_that_swallows_cancellation_is_named_as_stuck(aio: Rig, gate: Path) -> None:
    ticket = aio.begin_deaf(gate)
    aio.executor.stop(ticket.call)
    aio.executor.abandon(ticket.call)
    [stuck] = aio.executor.stuck()
    assert (stuck.run_id, stuck.task_id) == (ticket.call.run_id, ticket.call.task_id)
    assert re.search(r"coroutines\.py:\d+, in ignore$", stuck.place)


def test_a_coroutine_that_ignores_cancellation_ends_with_its_loop(aio: Rig, gate: Path) -> None:
    abandoned, open_still = aio.begin_deaf(gate), aio.begin_deaf(gate)
    aio.executor.abandon(abandoned.call)
    aio.executor.shutdown()
    until(lambda: "rota-loop-1" not in {thread.name for thread in threading.enumerate()})
    until(lambda: not aio.executor.stuck())
    assert not abandoned.outcomes
    assert not open_still.outcomes


def test_a_coroutine_on_a_replaced_loop_that_swallows_cancellation_is_named(aio: Rig) -> None:
    holder = aio.begin(hardships.hold_again_and_again)
    holder.wait_begun()
    aio.executor.abandon(holder.call)
    blocked(aio)
    assert aio.begin(hardships.name_thread).result() == "rota-loop-2"
    aio.executor.shutdown()
    until(lambda: "rota-loop-1" not in {thread.name for thread in threading.enumerate()})
    assert not aio.executor.stuck()


def test_a_loop_that_answers_is_not_blocked(aio: Rig) -> None:
    aio.begin("nothing").result()
    assert isinstance(aio.executor, AioExecutor)
    assert aio.executor.blocked() is None


@pytest.mark.parametrize("hold", [hardships.hold, hardships.spin, hardships.hold_in_child])
def test_what_holds_the_loop_is_named_and_left_behind(
    aio: Rig, hold: type[object], gate: Path
) -> None:
    friend = aio.begin(hardships.sleep_until_free)
    friend.wait_begun()
    holder = aio.begin(hold)
    holder.wait_begun()
    waiting = aio.begin(hardships.name_thread)

    found = blocked(aio)
    assert (found.run_id, found.task_id) == (holder.call.run_id, holder.call.task_id)
    assert re.match(re.escape(HERE) + r":\d+, in (hold|spin)$", found.place)
    assert 0.3 < found.seconds < DEADLINE

    aio.executor.stop(holder.call)
    aio.executor.abandon(holder.call)
    assert waiting.result() == "rota-loop-2"
    assert aio.begin("add", 1, 2).result() == 3
    [stuck] = aio.executor.stuck()
    assert stuck.run_id == holder.call.run_id
    assert HERE in stuck.place

    hardships.free.set()
    assert friend.result() == "rota-loop-1"
    until(lambda: "rota-loop-1" not in {thread.name for thread in threading.enumerate()})
    until(lambda: not aio.executor.stuck())
    assert not holder.outcomes


def test_an_abandoned_one_that_holds_the_loop_later_is_left_behind_then(aio: Rig) -> None:
    holder = aio.begin(hardships.hold_again_and_again)
    holder.wait_begun()
    aio.executor.abandon(holder.call)
    blocked(aio)
    assert aio.begin(hardships.name_thread).result() == "rota-loop-2"


def test_an_attempt_next_to_the_lock_holder_may_be_abandoned_too(aio: Rig) -> None:
    friend = aio.begin(hardships.sleep_until_free)
    friend.wait_begun()
    holder = aio.begin(hardships.hold)
    holder.wait_begun()
    blocked(aio)
    aio.executor.stop(friend.call)
    aio.executor.abandon(friend.call)
    assert blocked(aio).run_id == holder.call.run_id
    hardships.free.set()
    assert holder.outcome().kind is OutcomeKind.SUCCEEDED
    until(lambda: not aio.executor.stuck())


@pytest.mark.parametrize("task", [hardships.exit_in_child, hardships.stop_loop])
def test_no_coroutine_ends_the_loop(aio: Rig, task: type[object]) -> None:
    friend = aio.begin(hardships.sleep_until_free)
    aio.run(task)
    hardships.free.set()
    assert friend.result() == aio.begin(hardships.name_thread).result() == "rota-loop-1"
    gc.collect()  # with that, asyncio logs what nobody awaited: here, and not in another test


def test_what_a_coroutine_leaves_behind_ends_with_the_loop(
    aio: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    aio.begin(hardships.leave_child_behind).result()
    aio.executor.shutdown()
    gc.collect()  # a task that is destroyed while it is pending is logged with that
    assert not caplog.records


def test_the_run_is_known_in_tasks_and_threads_of_the_coroutine(aio: Rig) -> None:
    ticket = aio.begin(hardships.tell_from_everywhere)
    assert ticket.result() == [ticket.call.run_id] * 3


def test_contexts_are_not_shared(aio: Rig) -> None:
    context = contextvars.copy_context()
    context.run(hardships.variable.set, "the caller's")
    for _ in range(2):
        assert context.run(aio.begin, hardships.soil_context).result() == "clean"


def test_a_lent_loop_is_used_and_left_alone() -> None:
    with lent_loop() as loop:
        with started(AioExecutor(loop=loop), "aio lent") as rig:
            assert rig.begin(hardships.name_thread).result() == "application"
        assert asyncio.run_coroutine_threadsafe(hardships.name_thread(), loop).result()


def test_what_holds_a_lent_loop_is_named() -> None:
    with lent_loop() as loop, started(AioExecutor(loop=loop), "aio lent") as rig:
        holder = rig.begin(hardships.hold)
        holder.wait_begun()
        assert blocked(rig).run_id == holder.call.run_id
        rig.executor.abandon(holder.call)
        assert HERE in rig.executor.stuck()[0].place
        hardships.free.set()
        until(lambda: not rig.executor.stuck())


def test_what_the_application_does_on_its_loop_is_named_without_a_run() -> None:
    with lent_loop() as loop, started(AioExecutor(loop=loop), "aio lent") as rig:
        rig.begin("nothing").result()
        loop.call_soon_threadsafe(hardships.free.wait)
        found = blocked(rig)
        assert found.run_id is None
        hardships.free.set()


def test_shutdown_on_the_lent_loop_itself_does_not_wait_for_itself() -> None:
    async def application() -> OutcomeKind:
        with started(AioExecutor(loop=asyncio.get_running_loop()), "aio lent") as rig:
            ticket = rig.begin("add", 1)
            await asyncio.to_thread(ticket.outcome)
        return ticket.outcomes[0].kind

    assert asyncio.run(application()) is OutcomeKind.SUCCEEDED


def test_calls_on_a_lent_loop_that_is_closed_fail() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with started(AioExecutor(loop=loop), "aio lent") as rig:
        assert rig.run("add", 1).error == "RuntimeError: Event loop is closed"


def test_calls_that_a_lent_loop_takes_down_with_it_end() -> None:
    async def application() -> Rig:
        executor = AioExecutor(loop=asyncio.get_running_loop())
        executor.start()
        rig = Rig(executor, hardships, "aio lent")
        tickets.extend([rig.begin(hardships.sleep_until_free) for _ in range(3)])
        return rig

    tickets: list[Ticket] = []
    rig = asyncio.run(application())
    assert {ticket.outcome().kind for ticket in tickets} <= {CANCELLED, FAILED}
    rig.executor.shutdown()
