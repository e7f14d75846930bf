"""The end of an attempt is written by who holds the run, or not at all."""

from __future__ import annotations

import pytest

from rota.core.outcome import OutcomeKind
from rota.core.run import Attempt, State
from tests.conformance.ledger.desk import NOON, Desk


def test_a_success_is_kept_with_its_result(desk: Desk) -> None:
    claim = desk.running()
    now = desk.clock.move(2)
    ending = desk.ending(claim, result={"rows": [1, 2]})
    ending = ending._replace(attempt=ending.attempt._replace(started_at=NOON + 5, peak_memory=4096))
    assert desk.settle(ending) == []
    run = desk.run(claim.run_id)
    assert (run.state, run.result, run.finished_at) == (State.SUCCEEDED, {"rows": [1, 2]}, now)
    assert (run.node, run.peak_memory, run.fence) == ("a", 4096, 1)
    assert desk.history.attempts(claim.run_id) == [ending.attempt]


def test_a_failure_is_kept_with_its_traceback(desk: Desk) -> None:
    claim = desk.running()
    ending = desk.ending(claim, State.FAILED, reason="ValueError: no", failures=1, crashes=0)
    ending = ending._replace(attempt=ending.attempt._replace(traceback="Traceback…\n  x"))
    desk.settle(ending)
    run = desk.run(claim.run_id)
    assert (run.state, run.reason, run.failures) == (State.FAILED, "ValueError: no", 1)
    assert desk.history.attempts(claim.run_id) == [ending.attempt]


@pytest.mark.parametrize("state", [State.SCHEDULED, State.QUEUED])
def test_a_run_that_waits_again_has_not_ended(desk: Desk, state: State) -> None:
    claim = desk.running()
    desk.settle(desk.ending(claim, state, available_at=NOON + 7, reason="again"))
    run = desk.run(claim.run_id)
    assert (run.state, run.available_at, run.finished_at) == (state, NOON + 7, None)
    assert (run.attempt, run.reason) == (1, "again")


def test_all_attempts_of_a_run_are_listed_in_order(desk: Desk) -> None:
    claim = desk.running()
    endings = [desk.ending(claim, State.SCHEDULED)]
    desk.settle(endings[0])
    for state in (State.SCHEDULED, State.SUCCEEDED):
        desk.clock.move(1)
        (claim,) = desk.claim()
        endings.append(desk.ending(claim, state))
        desk.settle(endings[-1])
    attempts = desk.history.attempts(claim.run_id)
    assert attempts == [ending.attempt for ending in endings]
    assert [attempt.number for attempt in attempts] == [1, 2, 3]


def test_a_run_started_when_its_first_attempt_did(desk: Desk) -> None:
    claim, starts = desk.running(), (NOON + 5, NOON + 9_000_000)
    for start, state in zip(starts, (State.SCHEDULED, State.SUCCEEDED), strict=True):
        desk.clock.move(10)
        ending = desk.ending(claim, state)
        desk.settle(ending._replace(attempt=ending.attempt._replace(started_at=start)))
        run = desk.run(claim.run_id)
        assert (run.started_at, run.attempt_started_at) == (starts[0], start)
        [claim] = desk.claim() or [claim]


def test_a_run_without_an_ended_attempt_has_none(desk: Desk) -> None:
    assert desk.history.attempts(desk.running().run_id) == []
    assert desk.history.attempts("unknown") == []


def test_an_end_under_an_old_fence_changes_nothing_at_all(desk: Desk) -> None:
    old = desk.running()
    desk.settle(desk.ending(old, State.QUEUED))
    (new,) = desk.claim("b")
    before, attempts = desk.run(new.run_id), desk.history.attempts(new.run_id)
    late = desk.ending(old, State.FAILED, reason="late", failures=9)
    late = late._replace(attempt=late.attempt._replace(number=2))
    assert desk.settle(late) == [old.run_id]
    assert desk.run(new.run_id) == before
    assert desk.history.attempts(new.run_id) == attempts


def test_an_end_of_another_node_changes_nothing(desk: Desk) -> None:
    claim = desk.running(node="a")
    assert desk.settle(desk.ending(claim), node="b") == [claim.run_id]
    assert desk.run(claim.run_id).state is State.RUNNING


def test_a_second_end_changes_nothing(desk: Desk) -> None:
    claim = desk.running()
    desk.settle(desk.ending(claim, result=1))
    before = desk.run(claim.run_id)
    desk.clock.move(1)
    assert desk.settle(desk.ending(claim, State.FAILED)) == [claim.run_id]
    assert desk.run(claim.run_id) == before
    assert len(desk.history.attempts(claim.run_id)) == 1


def test_one_refused_end_leaves_the_other_ends_of_the_batch(desk: Desk) -> None:
    stale, good, bad = desk.running("a"), desk.running("b"), desk.running("c")
    desk.settle(desk.ending(stale, State.QUEUED))
    unknown = stale._replace(run_id="unknown")
    refused = desk.settle(
        desk.ending(stale),
        desk.ending(good, result="kept"),
        desk.ending(unknown),
        desk.ending(bad, State.FAILED),
    )
    assert refused == [stale.run_id, "unknown"]
    assert desk.states() == ["queued", "succeeded", "failed"]
    assert desk.run(good.run_id).result == "kept"
    assert len(desk.history.attempts(bad.run_id)) == 1


def test_the_same_run_twice_in_a_batch_ends_once(desk: Desk) -> None:
    claim = desk.running()
    refused = desk.settle(desk.ending(claim), desk.ending(claim, State.FAILED))
    assert (refused, desk.states()) == ([claim.run_id], ["succeeded"])


def test_settling_an_empty_batch_changes_nothing(desk: Desk) -> None:
    assert desk.settle() == []


def test_a_checkpoint_is_forgotten_when_the_run_has_ended(desk: Desk) -> None:
    claim = desk.running()
    desk.do(lambda tx: tx.checkpoint(claim.run_id, claim.fence, [1]))
    desk.settle(desk.ending(claim, State.QUEUED))
    (again,) = desk.claim()
    assert again.checkpoint == [1]
    desk.settle(desk.ending(again))
    assert not desk.do(lambda tx: tx.checkpoint(again.run_id, again.fence, [2]))


# --- what a running attempt writes --------------------------------------------------------------


def test_progress_is_shown_and_fenced(desk: Desk) -> None:
    claim = desk.running()
    desk.do(lambda tx: tx.progress(claim.run_id, claim.fence, {"done": 1, "total": 3}))
    assert desk.run(claim.run_id).progress == {"done": 1, "total": 3}
    desk.do(lambda tx: tx.progress(claim.run_id, claim.fence - 1, {"done": 9}))
    desk.do(lambda tx: tx.progress("unknown", 1, {"done": 9}))
    assert desk.run(claim.run_id).progress == {"done": 1, "total": 3}


def test_a_checkpoint_is_fenced(desk: Desk) -> None:
    old = desk.running()
    assert desk.do(lambda tx: tx.checkpoint(old.run_id, old.fence, "mine"))
    desk.settle(desk.ending(old, State.QUEUED))
    (new,) = desk.claim("b")
    assert not desk.do(lambda tx: tx.checkpoint(old.run_id, old.fence, "late"))
    desk.settle(desk.ending(new, State.QUEUED), node="b")
    assert desk.claim()[0].checkpoint == "mine"


def test_the_kinds_of_ends_are_kept(desk: Desk) -> None:
    for kind in OutcomeKind:
        claim = desk.running()
        state = State.SUCCEEDED if kind is OutcomeKind.SUCCEEDED else State.FAILED
        ending = desk.ending(claim, state)
        attempt: Attempt = ending.attempt._replace(outcome=kind)
        desk.settle(ending._replace(attempt=attempt))
        assert desk.history.attempts(claim.run_id)[0].outcome is kind
