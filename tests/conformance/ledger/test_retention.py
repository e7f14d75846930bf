"""Pruning: old ended runs go with all that is theirs, everything else stays."""

from __future__ import annotations

from rota.core.run import State
from rota.core.time import DAY
from tests.conformance.ledger.desk import Desk, line


def prune(desk: Desk, limit: int = 100, age: int = DAY) -> int:
    return desk.do(lambda tx: tx.prune(desk.now - age, limit))


def test_old_runs_go_with_attempts_and_lines(desk: Desk) -> None:
    run = desk.ended(state=State.FAILED)
    desk.do(lambda tx: tx.log([line(run.id, 1)]))
    desk.clock.move(2 * 86400)
    kept = desk.ended()
    desk.do(lambda tx: tx.log([line(kept.id, 1)]))
    assert prune(desk) == 1
    assert [one.id for one in desk.history.runs().runs] == [kept.id]
    assert (desk.history.logs(run.id), desk.history.attempts(run.id)) == ([], [])
    assert len(desk.history.logs(kept.id)) == 1
    assert prune(desk) == 0


def test_runs_that_never_started_go_too(desk: Desk) -> None:
    desk.plan(desk.new(state=State.SKIPPED), desk.new(state=State.MISSED))
    desk.clock.move(2 * 86400)
    assert prune(desk) == 2


def test_what_has_not_ended_stays_however_old(desk: Desk) -> None:
    desk.running()
    desk.plan(desk.new(), desk.new(state=State.SCHEDULED))
    desk.clock.move(900 * 86400)
    assert prune(desk) == 0
    assert desk.states() == ["running", "queued", "scheduled"]


def test_the_end_counts_and_not_the_beginning(desk: Desk) -> None:
    claim = desk.running()
    desk.clock.move(2 * 86400)
    desk.settle(desk.ending(claim))
    assert prune(desk) == 0


def test_a_batch_takes_the_oldest_and_no_more_than_its_limit(desk: Desk) -> None:
    for _ in range(5):
        desk.ended()
        desk.clock.move(1)
    desk.clock.move(2 * 86400)
    youngest = desk.history.runs(limit=1).runs[0]
    assert [prune(desk, limit=2) for _ in range(2)] == [2, 2]
    assert desk.history.runs().runs == [youngest]
    assert [prune(desk, limit=2) for _ in range(2)] == [1, 0]


def test_dead_nodes_are_forgotten_and_living_ones_are_not(desk: Desk) -> None:
    desk.join("stopped")
    desk.join("silent")
    desk.do(lambda tx: tx.leave("stopped", "stopped", desk.now))
    assert prune(desk) == 0
    desk.clock.move(2 * 86400)
    prune(desk)
    assert [node.id for node in desk.history.nodes()] == ["silent"]
