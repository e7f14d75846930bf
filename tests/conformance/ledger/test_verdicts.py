"""An occurrence whose way is barred by a node that may be gone waits until that is known."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.lifecycle import Settlement
from rota.core.outcome import OutcomeKind
from rota.core.overlap import MOST_UNDECIDED
from rota.core.ports.ledger import NodeLiveness
from rota.core.ports.records import AttemptEnd, Claim, NewRun, NodeRecord, Orphan, PlannedRun
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, State
from rota.core.task import Overlap, Policy
from rota.core.time import SECOND, Instant
from tests.conformance.ledger.desk import NOON, Desk, record

FROM_A = NodeLiveness("a", lambda node: node.seen_at, "node a")
"""What node a knows of nodes on other machines: when they were heard last."""


def occurrences(
    desk: Desk, *seconds: float, overlap: Overlap = Overlap.SKIP, **changes: Any
) -> list[NewRun]:
    return [
        desk.new(fire_time=NOON + round(s * SECOND), overlap=overlap, **changes) for s in seconds
    ]


def plan(desk: Desk, *runs: NewRun) -> list[PlannedRun]:
    return desk.do(lambda tx: tx.plan(runs, liveness=FROM_A))


def on_b(desk: Desk, overlap: Overlap = Overlap.SKIP, **policy: object) -> Claim:
    """A run of 10 s before, on node b, which was heard last a second before."""
    desk.register(record(policy=Policy(overlap=overlap, **policy)))  # type: ignore[arg-type]
    desk.clock.move(-1)
    desk.joined("b")
    claim = desk.running(fire_time=NOON - 10 * SECOND, overlap=overlap, node="b")
    desk.clock.move(1)
    return claim


def node(desk: Desk, node_id: str) -> NodeRecord:
    return next(node for node in desk.history.nodes() if node.id == node_id)


def beat(desk: Desk, node_id: str = "b") -> None:
    until = desk.now + 30 * SECOND
    assert desk.do(lambda tx: tx.heartbeat(node_id, desk.now, until, {})).alive


def crashed(orphan: Orphan, state: State, now: Instant) -> AttemptEnd:
    run = orphan.run
    attempt = Attempt(
        run.id, run.attempt, run.node or "", now, now, OutcomeKind.CRASHED, error="gone"
    )
    available_at = now if state is State.QUEUED else None
    return AttemptEnd(
        attempt, run.fence, Settlement(state, RunReason(None, "gone"), 0, 1, available_at)
    )


def look(desk: Desk, *gone: NodeRecord, then: State = State.QUEUED) -> None:
    """What each node does again and again: look for nodes that are gone, and for verdicts."""
    desk.do(
        lambda tx: tx.reap(lambda one: crashed(one, then, desk.now), gone, now=desk.now),
    )


def test_an_occurrence_that_waits_for_a_verdict_is_not_claimed(desk: Desk) -> None:
    on_b(desk)
    (planned,) = plan(desk, *occurrences(desk, 0))
    assert planned.state is State.QUEUED
    assert "node node b" in planned.reason.text
    assert "has not been heard of" in planned.reason.text
    look(desk)
    assert desk.claim() == []
    assert desk.states() == ["running", "queued"]
    assert desk.history.counts(desk.now).oldest_due is None


def test_an_occurrence_is_skipped_at_once_if_the_blocking_node_is_known_to_live(desk: Desk) -> None:
    on_b(desk)
    beat(desk)
    (planned,) = plan(desk, *occurrences(desk, 0))
    assert planned.state is State.SKIPPED
    assert planned.reason.text.endswith("was still running on node node b")


def test_an_occurrence_is_skipped_at_once_if_the_planning_node_runs_the_blocker(desk: Desk) -> None:
    desk.joined("a")
    desk.running(fire_time=NOON - 10 * SECOND, overlap=Overlap.SKIP, node="a")
    desk.clock.move(5)
    (planned,) = plan(desk, *occurrences(desk, 5))
    assert planned.state is State.SKIPPED


def test_a_waiting_occurrence_is_skipped_when_the_node_is_heard_again(desk: Desk) -> None:
    on_b(desk)
    (planned,) = plan(desk, *occurrences(desk, 0))
    desk.clock.move(3)
    beat(desk)
    look(desk)
    run = desk.run(planned.run_id)
    assert (run.state, run.finished_at) == (State.SKIPPED, desk.now)
    assert run.reason.endswith("was still running on node node b")


def test_a_verdict_of_a_node_that_was_frozen_is_no_earlier_than_what_it_is_about(
    desk: Desk,
) -> None:
    on_b(desk)
    then = desk.now - 3 * SECOND
    (planned,) = plan(desk, *occurrences(desk, 0))
    beat(desk)
    desk.do(lambda tx: tx.reap(lambda one: crashed(one, State.QUEUED, then), (), now=then))
    run = desk.run(planned.run_id)
    assert (run.state, run.finished_at) == (State.SKIPPED, desk.now)


def test_a_verdict_concerns_only_runs_with_the_same_overlap_key(desk: Desk) -> None:
    desk.register(record(policy=Policy(overlap=Overlap.SKIP)))
    desk.clock.move(-1)
    desk.joined("b")
    desk.running(fire_time=NOON - SECOND, overlap=Overlap.SKIP, node="b", overlap_key="a")
    desk.clock.move(1)
    (same,) = plan(desk, *occurrences(desk, 0, overlap_key="a"))
    (other,) = plan(desk, *occurrences(desk, 1, overlap_key="b"))
    assert "has not been heard of" in same.reason.text
    assert (other.state, other.reason.text) == (State.QUEUED, "")
    look(desk, node(desk, "b"), then=State.LOST)
    assert [desk.run(one.run_id).state for one in (same, other)] == ["queued", "queued"]


def test_only_the_first_of_several_waiting_occurrences_runs_when_the_node_is_gone(
    desk: Desk,
) -> None:
    barred = on_b(desk)
    for second in range(5):
        plan(desk, *occurrences(desk, second))
        desk.clock.move(1)
    assert desk.states() == ["running", *["queued"] * 5]
    look(desk, node(desk, "b"), then=State.LOST)
    assert desk.states() == ["lost", "queued", *["skipped"] * 4]
    (claim,) = desk.claim()
    assert claim.fire_time == NOON
    last = desk.history.runs(limit=1).runs[0]
    assert "was still waiting to start" in last.reason
    assert desk.run(barred.run_id).state is State.LOST


def test_a_waiting_occurrence_follows_the_run_that_is_attempted_again(desk: Desk) -> None:
    barred = on_b(desk)
    plan(desk, *occurrences(desk, 0))
    desk.clock.move(30)
    look(desk, node(desk, "b"))
    (again,) = desk.claim()
    assert again.run_id == barred.run_id
    assert desk.claim() == []
    desk.settle(desk.ending(again))
    (claim,) = desk.claim()
    assert claim.fire_time == NOON


@pytest.mark.parametrize("again", [False, True])
def test_an_occurrence_planned_late_is_decided_as_of_its_instant(desk: Desk, again: bool) -> None:
    barred = on_b(desk)
    desk.clock.move(30)
    look(desk, node(desk, "b"))
    if again:
        (claim,) = desk.claim()
        assert claim.run_id == barred.run_id
    desk.joined("a")
    (before, after) = plan(desk, *occurrences(desk, 29, 30.5))
    assert (before.state, after.state) == (State.QUEUED, State.SKIPPED)
    look(desk)
    assert desk.run(before.run_id).reason == ""
    if not again:
        (claim,) = desk.claim()
    assert (claim.run_id, desk.claim()) == (barred.run_id, [])
    desk.settle(desk.ending(claim))
    assert [claim.run_id for claim in desk.claim()] == [before.run_id]


def test_an_occurrence_runs_if_the_other_run_had_ended_before(desk: Desk) -> None:
    barred = on_b(desk)
    (first, second) = plan(desk, *occurrences(desk, 0, 2))
    ending = desk.ending(barred)
    attempt = replace_attempt(ending.attempt, NOON + SECOND)
    desk.clock.move(9)
    beat(desk)
    assert desk.settle(ending._replace(attempt=attempt), node="b") == []
    look(desk)
    assert desk.run(first.run_id).state is State.SKIPPED
    assert desk.run(second.run_id).state is State.QUEUED
    (claim,) = desk.claim()
    assert claim.run_id == second.run_id


def replace_attempt(attempt: Attempt, finished_at: Instant) -> Attempt:
    return attempt._replace(node="b", finished_at=finished_at)


def test_the_next_occurrence_brings_the_verdict_as_well(desk: Desk) -> None:
    barred = on_b(desk)
    (first,) = plan(desk, *occurrences(desk, 0))
    desk.clock.move(3)
    beat(desk)
    desk.settle(desk.ending(barred), node="b")
    (second,) = plan(desk, *occurrences(desk, 4))
    assert desk.run(first.run_id).state is State.SKIPPED
    assert second.state is State.QUEUED
    assert second.reason.text == ""


def test_a_queue_is_judged_as_if_the_node_had_been_known_as_gone(desk: Desk) -> None:
    on_b(desk, Overlap.QUEUE, queue_limit=1)
    for second in range(4):
        plan(desk, *occurrences(desk, second, overlap=Overlap.QUEUE))
    assert desk.states() == ["running", *["queued"] * 4]
    desk.clock.move(30)
    look(desk, node(desk, "b"), then=State.LOST)
    assert desk.states() == ["lost", "queued", "queued", "skipped", "skipped"]
    assert "queue_limit=1" in desk.history.runs(limit=1).runs[0].reason


def test_a_queue_is_as_full_as_ever_for_a_node_that_lives(desk: Desk) -> None:
    on_b(desk, Overlap.QUEUE, queue_limit=1)
    plan(desk, *occurrences(desk, 0, 1, overlap=Overlap.QUEUE))
    desk.clock.move(2)
    beat(desk)
    look(desk)
    assert desk.states() == ["running", "queued", "skipped"]


def test_a_run_that_waits_bars_the_way_as_ever(desk: Desk) -> None:
    on_b(desk)
    desk.plan(desk.new(overlap=Overlap.QUEUE))
    (planned,) = plan(desk, *occurrences(desk, 0))
    assert planned.state is State.SKIPPED
    assert planned.reason.text == "the run started manually was still waiting to start"


def test_the_occurrences_that_wait_are_bounded(desk: Desk) -> None:
    on_b(desk)
    planned = plan(desk, *occurrences(desk, *(n / 1000 for n in range(MOST_UNDECIDED + 2))))
    assert [run.state for run in planned].count(State.QUEUED) == MOST_UNDECIDED
    assert "already waited for the verdict" in planned[-1].reason.text


@pytest.mark.parametrize("how", ["cancel", "remove"])
def test_a_waiting_occurrence_can_be_cancelled_like_any_waiting_run(desk: Desk, how: str) -> None:
    on_b(desk)
    (planned,) = plan(desk, *occurrences(desk, 0))
    if how == "cancel":
        desk.do(lambda tx: tx.cancel(planned.run_id, "no", desk.now))
    else:
        desk.do(lambda tx: tx.remove("t", desk.now))
    look(desk, node(desk, "b"), then=State.LOST)
    assert desk.run(planned.run_id).state is State.CANCELLED


def test_replace_needs_no_verdict(desk: Desk) -> None:
    on_b(desk, Overlap.REPLACE)
    (planned,) = plan(desk, *occurrences(desk, 0, overlap=Overlap.REPLACE))
    assert (planned.state, planned.reason.text) == (State.QUEUED, "")


def test_a_node_that_left_or_is_unknown_counts_as_not_living(desk: Desk) -> None:
    on_b(desk)
    desk.do(lambda tx: tx.leave("b", "stopped", desk.now))
    (planned,) = plan(desk, *occurrences(desk, 0))
    assert planned.state is State.QUEUED
    look(desk, then=State.LOST)
    assert desk.states() == ["lost", "queued"]
    assert [claim.run_id for claim in desk.claim()] == [planned.run_id]


def test_what_is_skipped_names_the_node_as_people_do_also_within_one_transaction(
    desk: Desk,
) -> None:
    desk.joined("a")
    _, skipped = plan(desk, *occurrences(desk, 0, 1, claim="a"))
    assert "was still running on node node a" in skipped.reason.text
