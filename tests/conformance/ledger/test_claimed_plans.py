"""Planned and claimed in one write, where nothing of the task stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.run import Cause, State
from rota.core.task import Overlap
from tests.conformance.ledger.desk import NOON, Desk


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_free_occurrence_is_running_from_the_start(desk: Desk, overlap: Overlap) -> None:
    (planned,) = desk.plan(desk.new(fire_time=NOON, overlap=overlap, claim="a"))
    assert planned.state is State.RUNNING
    run = desk.run(planned.run_id)
    assert (run.state, run.node, run.attempt, run.fence) == (State.RUNNING, "a", 1, 1)
    assert (run.started_at, run.attempt_started_at) == (NOON, NOON)
    assert desk.claim("b") == []


def test_who_comes_second_claims_nothing(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, claim="a"))
    assert desk.plan(desk.new(fire_time=NOON, claim="b")) == []
    assert desk.states() == ["running"]


def test_beside_a_running_one_it_is_decided_as_ever(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, overlap=Overlap.SKIP, claim="a"))
    (skipped,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP, claim="a"))
    assert (skipped.state, "still going on node a" in skipped.reason) == (State.SKIPPED, True)
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
