"""What one look after another tells of a ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rota.core.run import State
from rota.core.time import SECOND
from rota.web.live import changes
from rota.web.live.changes import RESET, ChangeReader
from tests.conformance.ledger.desk import NOON, Desk, record


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A ledger that lives as long as the test."""
    with Desk("memory://") as desk:
        yield desk


def published(look: ChangeReader) -> list[tuple[str, str]]:
    """What is told of runs."""
    events = [event for event in look.read() if event.kind == "run"]
    return [(event.data["id"], event.data["state"]) for event in events]


def test_what_was_there_before_is_no_news(desk: Desk) -> None:
    desk.register(record())
    desk.join()
    desk.ended()
    desk.running()
    assert ChangeReader(desk.history, desk.clock).read() == []


def test_each_change_of_a_run_is_published_once(desk: Desk) -> None:
    look = ChangeReader(desk.history, desk.clock)
    claim = desk.running()
    assert published(look) == [(claim.run_id, "running")]
    assert published(look) == []
    desk.clock.move(3600)
    desk.settle(desk.ending(claim))
    assert published(look) == [(claim.run_id, "succeeded")]
    assert published(look) == []


def test_a_run_that_began_and_ended_between_two_reads_is_published(desk: Desk) -> None:
    look = ChangeReader(desk.history, desk.clock)
    desk.clock.move(3600)
    run = desk.ended(state=State.FAILED)
    assert published(look) == [(run.id, "failed")]


def test_a_change_by_a_node_whose_clock_is_behind_is_published(desk: Desk) -> None:
    look = ChangeReader(desk.history, desk.clock)
    first = desk.ended()
    assert published(look) == [(first.id, "succeeded")]
    behind = desk.new(id=desk.ids.__class__().new(NOON - SECOND), state=State.SKIPPED)
    desk.plan(behind)
    assert published(look) == [(behind.id, "skipped")]


def test_tasks_and_nodes(desk: Desk) -> None:
    look = ChangeReader(desk.history, desk.clock)
    desk.register(record())
    node = desk.join()
    desk.do(lambda tx: tx.heartbeat(node.id, NOON, NOON + SECOND, {}))
    assert [event.kind for event in look.read()] == ["task", "node"]
    desk.do(lambda tx: tx.heartbeat(node.id, NOON, NOON + SECOND, {}))
    assert look.read() == []
    desk.do(lambda tx: tx.remove("t", NOON))
    desk.do(lambda tx: tx.leave(node.id, "stopped", NOON))
    removed, stopped = look.read()
    assert (removed.data, stopped.data["state"]) == ({"id": "t", "removed": True}, "stopped")


def test_many_failed_waits_are_summed_up_in_one_reason(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST", 3)
    look = ChangeReader(desk.history, desk.clock)
    desk.plan(*(desk.new(state=State.SKIPPED) for _ in range(5)))
    assert look.read() == [RESET]
    desk.clock.move(60)
    run = desk.ended()
    assert published(look) == [(run.id, "succeeded")]
