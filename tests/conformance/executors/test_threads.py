"""What the threads' executor goes through beside the common suite."""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.core.outcome import OutcomeKind
from rota.executors.coroutines.executor import AioExecutor
from rota.executors.threads import ThreadExecutor
from tests.conformance.executors import hardships
from tests.conformance.executors.conftest import lent_loop, started
from tests.conformance.executors.harness import Rig, capturing, until


@pytest.fixture(autouse=True)
def _free_at_last() -> Iterator[None]:
    hardships.free.clear()
    yield
    hardships.free.set()


def test_a_spinning_thread_is_named_and_replaced(threads: Rig) -> None:
    spinning = [threads.begin(hardships.spin_plain) for _ in range(threads.executor.slots)]
    for ticket in spinning:
        ticket.wait_begun()
        threads.executor.stop(ticket.call)
        threads.executor.abandon(ticket.call)
    assert threads.begin("add", 1).result() == 1
    for stuck in threads.executor.stuck():
        assert re.search(r"hardships\.py:\d+, in spin_plain$", stuck.place)
    hardships.free.set()
    until(lambda: not threads.executor.stuck())
    until(lambda: names() <= {"rota-thread-3"})


def names() -> set[str]:
    """Return the names of the threads that call functions."""
    named = {t.name for t in threading.enumerate() if t.name.startswith("rota-thread")}
    return {name for name in named if "loop" not in name}


def test_a_thread_has_the_name_of_its_task(threads: Rig) -> None:
    assert threads.begin(hardships.name_plain, task_id="tidy").result() == "rota-thread-1 [tidy]"
    until(lambda: names() == {"rota-thread-1"})


def test_threads_come_on_demand(threads: Rig) -> None:
    for _ in range(5):
        threads.begin("nothing").result()
    assert len(names()) == 1


def test_a_coroutine_that_a_plain_function_returns_runs_on_the_loop(threads: Rig) -> None:
    ticket = threads.begin(hardships.disguised, task_id="tidy")
    assert ticket.result() == "rota-thread-loop-1"
    assert threads.begin(hardships.awaitable_of_ones_own).result() == "awaited"


def test_a_coroutine_of_a_plain_function_runs_on_the_shared_loop() -> None:
    with lent_loop() as loop:
        aio = AioExecutor(loop=loop)
        with started(aio, "aio"), started(ThreadExecutor(2, loop=aio), "threads") as rig:
            assert rig.begin(hardships.disguised).result() == "application"


def test_a_coroutine_of_a_plain_function_can_be_cancelled(threads: Rig) -> None:
    ticket = threads.begin(hardships.disguised_endless, "it began")
    ticket.wait_begun()
    threads.executor.stop(ticket.call)
    assert ticket.outcome().kind is OutcomeKind.CANCELLED
    assert ticket.progresses == [(1, None, "it began"), (2, None, "cancelled")]


def test_a_coroutine_that_ignores_cancellation_is_stuck_and_frees_its_thread(
    threads: Rig, gate: Path
) -> None:
    ticket = threads.begin(hardships.disguised_deaf, str(gate))
    ticket.wait_begun()
    threads.executor.stop(ticket.call)
    threads.executor.abandon(ticket.call)
    until(lambda: not threads.executor.stuck())
    until(lambda: not names())
    own = threads.executor._own  # type: ignore[attr-defined]
    [stuck] = own.stuck()
    assert re.search(r"coroutines\.py:\d+, in ignore$", stuck.place)
    assert threads.begin("add", 1).result() == 1
    assert not ticket.outcomes


def test_what_the_call_set_in_its_context_holds_for_the_coroutine(threads: Rig) -> None:
    assert threads.begin(hardships.set_and_hand_on).result() == "set by the call"
    assert threads.begin(hardships.soil_plain).result() == "clean"


def test_what_it_logs_and_prints_belongs_to_its_run(threads: Rig) -> None:
    with capturing():
        ticket = threads.begin(hardships.disguised_talk)
        assert ticket.result() == ticket.call.run_id
    assert ticket.texts("STDOUT") == ["called", "awaited"]


def test_contexts_are_not_shared(threads: Rig) -> None:
    context = contextvars.copy_context()
    context.run(hardships.variable.set, "the caller's")
    for _ in range(4):
        assert context.run(threads.begin, hardships.soil_plain).result() == "clean"


def test_a_result_that_comes_before_the_order_to_stop_is_seen_counts(threads: Rig) -> None:
    ticket = threads.begin(hardships.spin_plain)
    ticket.wait_begun()
    threads.executor.stop(ticket.call)
    hardships.free.set()
    ticket.result()


def test_an_abandoned_one_cannot_store_a_checkpoint(threads: Rig, gate: Path) -> None:
    ticket = threads.begin(hardships.store_after, str(gate))
    ticket.wait_begun()
    threads.executor.abandon(ticket.call)
    gate.touch()
    until(lambda: not threads.executor.stuck())
    assert "has ended for rota" in Path(f"{gate}.said").read_text()
    assert ticket.checkpoints == []
