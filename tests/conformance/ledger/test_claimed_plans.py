"""Planned and claimed in one write, where nothing of the task stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.run import Cause, State
from rota.core.task import Overlap
from tests.conformance.ledger.desk import NOON, Desk, declared_gone


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_free_occurrence_is_running_from_the_start(desk: Desk, overlap: Overlap) -> None:
    (planned,) = desk.plan(desk.new(fire_time=NOON, overlap=overlap, claim="a"))
    assert planned.state is State.RUNNING
    run = desk.run(planned.run_id)
    assert (run.state, run.node, run.attempt, run.fence) == (State.RUNNING, "a", 1, 1)
    assert (run.started_at, run.attempt_started_at) == (NOON, NOON)
    assert desk.claim("b") == []


def test_the_second_node_that_plans_a_run_does_not_claim_it(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, claim="a"))
    assert desk.plan(desk.new(fire_time=NOON, claim="b")) == []
    assert desk.states() == ["running"]


def test_an_occurrence_claimed_while_planned_obeys_overlap(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, overlap=Overlap.SKIP, claim="a"))
    (skipped,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP, claim="a"))
    assert skipped.state is State.SKIPPED
    assert "still running on node node a" in skipped.reason.text
    (queued,) = desk.plan(desk.new(fire_time=NOON + 2, overlap=Overlap.QUEUE, claim="a"))
    assert queued.state is State.QUEUED
    (beside,) = desk.plan(desk.new(fire_time=NOON + 3, overlap=Overlap.ALLOW, claim="a"))
    assert beside.state is State.RUNNING


def test_two_of_a_task_in_one_batch_see_each_other(desk: Desk) -> None:
    first, second = desk.plan(
        desk.new(fire_time=NOON, overlap=Overlap.SKIP, claim="a"),
        desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP, claim="a"),
    )
    assert (first.state, second.state) == (State.RUNNING, State.SKIPPED)


@pytest.mark.parametrize(
    "changes",
    [
        {"caught_up": True, "fire_time": NOON, "overlap": Overlap.SKIP},
        {"cause": Cause.MANUAL, "overlap": Overlap.QUEUE},
        {"state": State.SCHEDULED, "fire_time": NOON, "overlap": Overlap.ALLOW},
    ],
)
def test_what_must_wait_its_turn_waits(desk: Desk, changes: dict[str, Any]) -> None:
    (planned,) = desk.plan(desk.new(claim="a", **changes))
    assert planned.state in (State.QUEUED, State.SCHEDULED)


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.REPLACE])
def test_an_occurrence_planned_early_is_not_claimed_while_another_runs(
    desk: Desk, overlap: Overlap
) -> None:
    claim = desk.running(fire_time=NOON, overlap=overlap)
    early = desk.new(fire_time=NOON + 10, overlap=overlap, claim="a", early=True)
    (left,) = desk.plan(early)
    assert (left.run_id, left.state) == (early.id, None)
    assert desk.states() == ["running"]
    assert desk.run(claim.run_id).cancel_requested is None
    desk.settle(desk.ending(claim))
    (planned,) = desk.plan(early)
    assert planned.state is State.RUNNING


def test_an_early_one_starts_at_its_time(desk: Desk) -> None:
    later = NOON + 50_000
    new = desk.new(fire_time=later, available_at=later, claim="a", early=True)
    assert desk.plan(new)[0].state is State.RUNNING
    run = desk.run(new.id)
    assert (run.created_at, run.started_at, run.attempt_started_at) == (NOON, later, later)


def test_early_ones_of_a_batch_do_not_hold_up_the_others(desk: Desk) -> None:
    desk.running("busy", fire_time=NOON)
    busy = desk.new("busy", NOON + 10, overlap=Overlap.SKIP, early=True)
    free = desk.new("free", NOON + 10, overlap=Overlap.SKIP, early=True)
    assert {one.run_id: one.state for one in desk.plan(busy, free)} == {
        busy.id: None,
        free.id: State.QUEUED,
    }
    assert desk.plan(free) == []


@pytest.mark.parametrize("joined", [True, False], ids=["gone", "unknown"])
def test_a_planned_run_waits_if_its_node_is_gone(desk: Desk, joined: bool) -> None:
    if joined:
        declared_gone(desk, "a")
    desk.plan(desk.new("known", fire_time=NOON))
    desk.join("b")
    runs = [
        desk.new("known", fire_time=NOON, claim="a"),
        desk.new("x", fire_time=NOON, claim="a"),
        desk.new("y", fire_time=NOON, overlap=Overlap.SKIP, claim="a"),
        desk.new("z", fire_time=NOON, claim="b"),
    ]
    planned = desk.do(lambda tx: tx.plan(runs))
    assert [one.state for one in planned] == [State.QUEUED, State.QUEUED, State.RUNNING]
    assert sorted(desk.states()) == ["queued", "queued", "queued", "running"]


def test_a_run_planned_for_a_leaving_node_still_runs(desk: Desk) -> None:
    desk.join("a")
    desk.do(lambda tx: tx.leave("a", "draining", desk.now))
    (planned,) = desk.plan(desk.new(fire_time=NOON, claim="a"))
    assert planned.state is State.RUNNING
