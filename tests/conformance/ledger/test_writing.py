"""One writer for many threads: grouped commits, failures alone, nothing lost at the end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from rota.core.ports.ledger import Transaction
from rota.core.run import State
from rota.errors import LedgerError, LedgerUnavailableError, StateError
from rota.ledger import open_ledger
from rota.testing import eventually
from tests.conformance.ledger.desk import Desk, FakeClock, ids, record


@contextmanager
def held_up(desk: Desk) -> Iterator[None]:
    """Keep the writer busy, so that what is handed over meanwhile makes one group."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(90)

    future = desk.ledger.write(wait)
    assert begun.wait(90)
    try:
        yield
    finally:
        go_on.set()
        future.result(90)


def test_operations_are_done_in_the_order_of_their_handing_over(desk: Desk) -> None:
    done: list[int] = []
    with held_up(desk):
        futures = [desk.ledger.write(lambda tx, n=n: done.append(n)) for n in range(50)]  # type: ignore[misc]
    for future in futures:
        future.result(90)
    assert done == list(range(50))


def test_a_waiter_gets_a_result_once_it_is_readable(desk: Desk) -> None:
    new = desk.new()
    seen: Future[State] = Future()
    desk.ledger.write(lambda tx: tx.plan([new])).add_done_callback(
        lambda _: seen.set_result(desk.run(new.id).state)
    )
    assert seen.result(90) is State.QUEUED


def test_an_operation_that_raises_is_undone_alone(desk: Desk) -> None:
    runs = [desk.new() for _ in range(3)]

    def fails(tx: Transaction) -> None:
        tx.plan([runs[1]])
        raise ValueError("mine")

    with held_up(desk):
        before = desk.ledger.write(lambda tx: tx.plan([runs[0]]))
        bad = desk.ledger.write(fails)
        after = desk.ledger.write(lambda tx: tx.plan([runs[2]]))
    assert ids(before.result(90)) == [runs[0].id]
    assert ids(after.result(90)) == [runs[2].id]
    with pytest.raises(ValueError, match="mine"):
        bad.result(90)
    assert ids(desk.history.runs(newest_first=False).runs) == ids([runs[0], runs[2]])


def test_what_the_tables_forbid_is_refused_alone(desk: Desk) -> None:
    impossible, good = desk.new(state=State.RUNNING), desk.new()
    with held_up(desk):
        bad = desk.ledger.write(lambda tx: tx.plan([impossible]))
        well = desk.ledger.write(lambda tx: tx.plan([good]))
    with pytest.raises(LedgerError, match="state_is_true"):
        bad.result(90)
    well.result(90)
    assert desk.states() == ["queued"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_no_exception_ends_the_writer(desk: Desk, error: BaseException) -> None:
    def fails(tx: Transaction) -> None:
        raise error

    future = desk.ledger.write(fails)
    assert future.exception(30) is error
    desk.plan(desk.new())
    assert desk.states() == ["queued"]


def test_a_cancelled_future_stays_cancelled_and_raises_nothing(desk: Desk) -> None:
    unwanted, wanted = desk.new(), desk.new()
    with held_up(desk):
        first = desk.ledger.write(lambda tx: tx.plan([unwanted]))
        second = desk.ledger.write(lambda tx: tx.plan([wanted]))
        assert first.cancel()
    second.result(90)
    assert ids(desk.history.runs().runs) == [wanted.id]


def test_many_threads_write_and_read(desk: Desk) -> None:
    def work(name: int) -> None:
        for _ in range(20):
            desk.plan(desk.new(f"t{name}"))
            desk.history.runs()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, name) for name in range(8)]:
            done.result(90)
    assert desk.states() == ["queued"] * 160


def test_the_latency_is_that_of_the_last_commit(desk: Desk) -> None:
    desk.do(lambda tx: desk.clock.move(2))
    assert desk.ledger.latency() == 2
    desk.do(lambda tx: desk.clock.move(0))
    assert desk.ledger.latency() == 0


def test_the_version_changes_with_a_commit_and_not_without(desk: Desk) -> None:
    first = desk.ledger.version()
    assert desk.ledger.version() == first
    desk.plan(desk.new())
    second = desk.ledger.version()
    assert second != first
    desk.history.runs()
    assert desk.ledger.version() == second


# --- opening and closing ------------------------------------------------------------------------


def test_closing_finishes_what_was_handed_over(desk: Desk) -> None:
    with held_up(desk):
        futures = [desk.ledger.write(lambda tx, n=n: n) for n in range(5)]  # type: ignore[misc]
        closing = threading.Thread(target=desk.ledger.close)
        closing.start()
    closing.join(90)
    assert [future.result(0) for future in futures] == list(range(5))


def test_closing_waits_for_what_a_caller_commits_itself(desk: Desk) -> None:
    begun, gate, done = threading.Event(), threading.Event(), []

    def slowly(tx: Transaction) -> None:
        begun.set()
        gate.wait(60)
        tx.register([record("t")], desk.now)
        done.append("written")

    def close() -> None:
        desk.ledger.close()
        done.append("closed")

    with ThreadPoolExecutor(2) as threads:
        written = threads.submit(desk.ledger.run, slowly)
        assert begun.wait(60)
        closed = threads.submit(close)
        eventually(lambda: desk.ledger.write(lambda tx: None).exception() is not None)
        gate.set()
        written.result(60)
        closed.result(60)
    assert done == ["written", "closed"]


@pytest.mark.timeout(120)
def test_a_signal_handler_that_writes_during_its_threads_own_commit_is_refused(
    desk: Desk,
) -> None:
    def interrupted(tx: Transaction) -> None:
        signal.raise_signal(signal.SIGUSR1)

    refused: list[StateError] = []

    def handler(*_: object) -> None:
        with pytest.raises(StateError, match="a signal handler interrupted it") as raised:
            desk.ledger.run(lambda tx: None)
        refused.append(raised.value)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        desk.ledger.run(interrupted)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(refused) == 1
    assert desk.ledger.run(lambda tx: 7) == 7


def test_a_closed_ledger_says_so(desk: Desk) -> None:
    desk.ledger.close()
    desk.ledger.close()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        desk.do(lambda tx: None)
    with pytest.raises(LedgerUnavailableError, match="closed"):
        desk.history.runs()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        desk.ledger.version()


def test_an_unopened_ledger_is_closed(url: str) -> None:
    ledger = open_ledger(url, clock=FakeClock())
    ledger.close()
    assert isinstance(ledger.write(lambda tx: None).exception(0), LedgerUnavailableError)
    assert ledger.url == url


def test_a_ledger_can_be_opened_again(desk: Desk) -> None:
    desk.ledger.close()
    desk.ledger.open()
    desk.plan(desk.new())
    assert desk.states() == ["queued"]


def test_opening_an_open_ledger_changes_nothing(desk: Desk) -> None:
    desk.plan(desk.new())
    desk.ledger.open()
    assert desk.states() == ["queued"]
    assert [thread.name for thread in threading.enumerate()].count("rota-ledger-writer") == 1
