"""Maintenance windows that were opened by hand, in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rota.core.audit import Actor, AuditFilter, Face, Verb
from rota.core.ports.windows import DelayedStart, OpenedWindow, WindowAction
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.time import DAY, HOUR
from rota.errors import UnknownWindowError
from tests.conformance.ledger.desk import Desk, record

ADA = Actor(Face.CLI, "ada")


def wanted(desk: Desk, until: int | None = None, *tags: str) -> OpenedWindow:
    end = None if until is None else desk.now + until
    return OpenedWindow(0, desk.now, end, WindowAction.DELAY, not tags, tags, (), "ü\0")


def opened(desk: Desk, until: int | None = None, *tags: str) -> OpenedWindow:
    window = wanted(desk, until, *tags)
    return desk.do(lambda tx: tx.open_window(window, by=ADA))


def test_a_window_is_kept_with_all_that_was_said_of_it(desk: Desk) -> None:
    first, second = opened(desk, HOUR), opened(desk, None, "db", "web")
    assert (first.id, second.id) == (1, 2)
    kept = desk.history.windows()
    assert kept == [one._replace(reason="ü\N{SYMBOL FOR NULL}") for one in (first, second)]
    assert kept[1].by == "ada"


def test_the_same_window_is_opened_once_and_gets_another_end(desk: Desk) -> None:
    first = opened(desk, HOUR)
    desk.clock.move(60)
    again = opened(desk, HOUR)
    assert again._replace(until=first.until) == first
    desk.clock.move(2 * 3600)
    assert opened(desk, HOUR).id == 2  # the first one is over


def test_a_window_is_closed_once_and_pruned_long_after_that(desk: Desk) -> None:
    first = opened(desk)
    desk.clock.move(60)
    closed = desk.do(lambda tx: tx.close_window(first.id, desk.now, reason="done", by=ADA))
    assert closed.until == desk.now
    desk.clock.move(60)
    assert desk.do(lambda tx: tx.close_window(first.id, desk.now, by=ADA)) == closed
    with pytest.raises(UnknownWindowError):
        desk.do(lambda tx: tx.close_window(9, desk.now))
    changes = desk.history.audit(AuditFilter()).changes
    assert sorted(one.verb for one in changes if one.who == "ada") == [Verb.CLOSE, Verb.OPEN]
    desk.do(lambda tx: tx.prune(desk.now - DAY, 10))
    assert desk.history.windows() == [closed._replace(reason="ü\N{SYMBOL FOR NULL}")]
    desk.do(lambda tx: tx.prune(desk.now, 10))
    assert desk.history.windows() == []


def test_a_delayed_run_moves_only_by_the_windows_that_there_are(desk: Desk) -> None:
    desk.register(record("t"))
    opened(desk, HOUR)
    windows, end = desk.history.windows(), desk.now + HOUR
    waits = {"state": State.SCHEDULED, "available_at": end}
    late = desk.new("t", desk.now, "it waits", ReasonCode.WINDOW, **waits)
    desk.plan(late, desk.new("t", desk.now + 1, "", ReasonCode.RUN_AT, **waits))
    (delayed,) = desk.history.delayed()
    assert (delayed.id, delayed.available_at) == (late.id, end)
    starts = [DelayedStart(late.id, desk.now, "over")]
    assert desk.do(lambda tx: tx.move_delayed(starts, [])) == []
    assert desk.history.delayed() == [delayed]
    assert desk.do(lambda tx: tx.move_delayed(starts, windows)) == [late.id]
    run = desk.history.run(late.id)
    assert (run.state, run.available_at, run.reason) == (State.SCHEDULED, desk.now, "over")


def test_two_nodes_that_open_or_close_a_window_at_once_do_it_once(
    two_desks: tuple[Desk, Desk],
) -> None:
    one, other = two_desks
    window = wanted(one, HOUR)._replace(reason="disks")

    def open_it(desk: Desk) -> OpenedWindow:
        return desk.do(lambda tx: tx.open_window(window))

    with ThreadPoolExecutor(2) as pool:
        for number in range(1, 6):

            def close(desk: Desk, number: int = number) -> OpenedWindow:
                return desk.do(lambda tx: tx.close_window(number, window.since))

            first, second = pool.map(open_it, two_desks)
            assert first == second
            assert first.id == number
            first, second = pool.map(close, two_desks)
            assert first == second
    assert one.history.windows() == other.history.windows()
    changes = one.history.audit(AuditFilter()).changes
    assert sorted(change.verb for change in changes) == [Verb.CLOSE] * 5 + [Verb.OPEN] * 5
