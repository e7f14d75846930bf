"""A waiting run is claimed by one node, under a fence, and never beside what excludes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rota.core.ports.records import ClaimVerdict, Waiting
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import SECOND
from rota.errors import NodeGoneError
from tests.conformance.ledger.desk import NOON, Desk, declared_gone, ids, take


class Listening:
    """A judge that takes nothing and remembers what it was offered."""

    def __init__(self) -> None:
        self.offered: Sequence[Waiting] = ()

    def __call__(self, waiting: Sequence[Waiting]) -> ClaimVerdict:
        self.offered = waiting
        return ClaimVerdict([])


def offered(desk: Desk, **how: Any) -> list[str]:
    judge = Listening()
    assert desk.claim(judge=judge, **how) == []
    return ids(judge.offered)


def test_a_claimed_run_runs_on_its_node(desk: Desk) -> None:
    new = desk.new(fire_time=NOON - 5, arguments={"n": 1})
    desk.plan(new)
    now = desk.clock.move(1)
    (claim,) = desk.claim("b")
    assert (claim.run_id, claim.task_id, claim.fire_time) == (new.id, "t", NOON - 5)
    assert (claim.cause, claim.attempt, claim.fence) == (Cause.SCHEDULE, 1, 1)
    assert (claim.arguments, claim.checkpoint) == ({"n": 1}, None)
    run = desk.run(new.id)
    assert (run.state, run.node, run.attempt, run.fence) == (State.RUNNING, "b", 1, 1)
    assert (run.started_at, run.attempt_started_at) == (now, now)


def test_what_runs_is_not_offered_again(desk: Desk) -> None:
    desk.plan(desk.new())
    assert len(desk.claim("a")) == 1
    assert desk.claim("b") == []


def test_a_second_attempt_has_a_higher_fence_and_the_checkpoint(desk: Desk) -> None:
    first = desk.running()
    desk.do(lambda tx: tx.checkpoint(first.run_id, first.fence, {"page": 3}))
    desk.settle(desk.ending(first, State.SCHEDULED, available_at=NOON + 5, failures=1))
    started = desk.run(first.run_id).started_at
    desk.clock.move(10)
    (second,) = desk.claim("b")
    assert (second.attempt, second.fence, second.failures) == (2, 2, 1)
    assert second.checkpoint == {"page": 3}
    run = desk.run(first.run_id)
    assert (run.started_at, run.attempt_started_at, run.node) == (started, desk.now, "b")


def test_a_claim_is_offered_no_run_before_its_time(desk: Desk) -> None:
    later = desk.new(available_at=NOON + 1, state=State.SCHEDULED)
    now = desk.new(available_at=NOON)
    desk.plan(later, now)
    assert offered(desk) == [now.id]
    desk.clock.move(1)
    assert offered(desk) == [now.id, later.id]


def test_the_oldest_come_first_and_no_more_than_the_limit(desk: Desk) -> None:
    runs = [desk.new(f"t{n}", available_at=NOON - n) for n in range(5)]
    desk.plan(*runs)
    assert offered(desk, limit=3) == ids(runs[:1:-1])


def test_the_highest_priority_comes_first(desk: Desk) -> None:
    low = [desk.new("low", priority=-3, available_at=NOON - 9) for _ in range(2)]
    plain = [desk.new("plain") for _ in range(200)]
    high = [desk.new("high", priority=7, available_at=NOON + n) for n in (1, 0)]
    later = desk.new("high", priority=9, available_at=NOON + SECOND)
    desk.plan(*low, *plain, *high, later)
    desk.clock.at += 1
    assert offered(desk, limit=3) == ids([*high[::-1], plain[0]])
    assert offered(desk, limit=300) == ids([*high[::-1], *plain, *low])


def test_of_these_tasks_alone(desk: Desk) -> None:
    others = [desk.new(f"other {n}", available_at=NOON - 9) for n in range(300)]
    own = [desk.new("own", available_at=NOON - n) for n in range(3)]
    once = [desk.new("once", overlap=Overlap.QUEUE, available_at=NOON - n) for n in (5, 6)]
    high = desk.new("high", priority=5)
    later = desk.new("own", available_at=NOON + 1, state=State.SCHEDULED)
    desk.plan(*others, *own, *once, high, later)
    tasks = ["own", "once", "high", "gone"]
    assert offered(desk, of_tasks=tasks) == ids([high, once[1], *own[::-1]])
    assert offered(desk, of_tasks=tasks, limit=2) == ids([high, once[1]])
    assert offered(desk, of_tasks=tasks, exclude=["once"]) == ids([high, *own[::-1]])
    assert offered(desk, of_tasks=[]) == []
    desk.claim(of_tasks=["once"])
    assert offered(desk, of_tasks=["once"]) == []


def test_an_exclusive_task_whose_priority_changed_has_one_turn(desk: Desk) -> None:
    old, new = (desk.new(overlap=Overlap.QUEUE, priority=level) for level in (0, 5))
    desk.plan(old, new)
    assert len(offered(desk)) == 1


def test_what_a_judge_sees_says_what_it_needs(desk: Desk) -> None:
    run = desk.new(fire_time=NOON - 3, available_at=NOON - 2, overlap=Overlap.SKIP)
    desk.plan(run)
    judge = Listening()
    desk.claim(judge=judge)
    assert judge.offered == [Waiting(run.id, "t", NOON - 3, NOON - 2, 0, exclusive=True)]


def test_no_judge_is_asked_about_nothing(desk: Desk) -> None:
    desk.claim(judge=lambda waiting: pytest.fail("asked"))


def test_only_what_the_judge_takes_is_claimed(desk: Desk) -> None:
    runs = [desk.new(f"t{n}") for n in range(3)]
    desk.plan(*runs)
    assert ids(desk.claim(judge=take(runs[1].id))) == [runs[1].id]
    assert desk.states() == ["queued", "running", "queued"]


def test_what_the_judge_misses_is_missed_for_its_reason(desk: Desk) -> None:
    runs = [desk.new("a"), desk.new("b")]
    desk.plan(*runs)
    now = desk.clock.move(1)
    claims = desk.claim(
        judge=lambda waiting: ClaimVerdict([runs[1].id], [(runs[0].id, "too late")])
    )
    assert ids(claims) == [runs[1].id]
    missed = desk.run(runs[0].id)
    assert (missed.state, missed.reason) == (State.MISSED, "too late")
    assert (missed.finished_at, missed.attempt) == (now, 0)


def test_excluded_tasks_are_not_offered(desk: Desk) -> None:
    runs = [desk.new(name) for name in "abc"]
    desk.plan(*runs)
    assert offered(desk, exclude=["a", "c", "x"]) == [runs[1].id]


# --- who may claim ------------------------------------------------------------------------------


def claims_as(desk: Desk, node: str) -> None:
    def all_but_one(waiting: Sequence[Waiting]) -> ClaimVerdict:
        return ClaimVerdict(ids(waiting[1:]), [(waiting[0].run_id, "too late")])

    desk.do(lambda tx: tx.claim(node, desk.now, 10, (), all_but_one))


def test_a_node_declared_gone_claims_nothing_and_learns_it(desk: Desk) -> None:
    desk.plan(desk.new("x"), desk.new("y"))
    declared_gone(desk, "a")
    with pytest.raises(NodeGoneError, match="declared it gone"):
        claims_as(desk, "a")
    assert desk.states() == ["queued", "queued"]
    assert len(desk.claim("b")) == 2


def test_a_node_that_never_joined_claims_nothing(desk: Desk) -> None:
    desk.plan(desk.new("x"), desk.new("y"))
    with pytest.raises(NodeGoneError, match="never joined"):
        claims_as(desk, "never")


def test_a_node_whose_lease_ran_out_claims_until_others_declare_it_gone(desk: Desk) -> None:
    desk.join("a", lease=1)
    desk.plan(desk.new("x"), desk.new("y"))
    desk.clock.move(2)
    claims_as(desk, "a")
    assert desk.states() == ["missed", "running"]


def test_a_node_that_leaves_ends_what_it_was_claiming(desk: Desk) -> None:
    desk.join("a")
    desk.do(lambda tx: tx.leave("a", "draining", desk.now))
    desk.plan(desk.new())
    assert len(desk.claim("a")) == 1


# --- exclusive tasks ----------------------------------------------------------------------------


def test_of_an_exclusive_task_only_the_first_is_offered(desk: Desk) -> None:
    runs = [desk.new(overlap=Overlap.SKIP, available_at=NOON - n) for n in (1, 3, 2)]
    desk.plan(*runs)
    assert offered(desk) == [runs[1].id]


def test_an_exclusive_run_waits_for_the_running_one(desk: Desk) -> None:
    running = desk.running(overlap=Overlap.SKIP)
    waiting = desk.new(overlap=Overlap.SKIP)
    desk.plan(waiting)
    assert offered(desk) == []
    desk.settle(desk.ending(running))
    assert offered(desk) == [waiting.id]


def test_an_exclusive_run_waits_for_one_that_is_not(desk: Desk) -> None:
    desk.running(overlap=Overlap.ALLOW)
    desk.plan(desk.new(overlap=Overlap.SKIP))
    assert offered(desk) == []


def test_an_exclusive_run_is_not_offered_beside_another_of_its_task(desk: Desk) -> None:
    beside = desk.new(overlap=Overlap.ALLOW, available_at=NOON - 2)
    exclusive = desk.new(overlap=Overlap.SKIP, available_at=NOON - 1)
    desk.plan(beside, exclusive)
    assert offered(desk) == [beside.id]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.ALLOW])
def test_many_blocked_runs_hide_no_startable_run(desk: Desk, overlap: Overlap) -> None:
    """However many runs of one task stand first in the queue, those behind them are found."""
    desk.running("crowd", overlap=Overlap.SKIP)
    crowd = [desk.new("crowd", overlap=overlap) for _ in range(300)]
    behind = [desk.new(f"t{n}", overlap=Overlap.SKIP, available_at=NOON) for n in range(5)]
    alone = [desk.new("free", available_at=NOON) for _ in range(5)]
    desk.plan(*crowd, *behind, *alone)
    exclude = ["crowd"] if overlap is Overlap.ALLOW else []
    assert offered(desk, limit=8, exclude=exclude) == ids([*behind, *alone])[:8]
    assert offered(desk, limit=50, exclude=exclude) == ids([*behind, *alone])


def test_the_first_of_an_exclusive_crowd_is_offered_with_the_others(desk: Desk) -> None:
    crowd = [desk.new("crowd", overlap=Overlap.SKIP) for _ in range(300)]
    behind = [desk.new(f"t{n}") for n in range(3)]
    desk.plan(*crowd, *behind)
    assert offered(desk, limit=10) == ids([crowd[0], *behind])


@pytest.mark.parametrize("in_front", [2, 3, 4])
def test_few_slots_are_filled_from_behind_what_may_not_start(desk: Desk, in_front: int) -> None:
    desk.running("busy", overlap=Overlap.SKIP)
    held = [desk.new("busy", overlap=Overlap.SKIP) for _ in range(in_front)]
    free = [desk.new("free", available_at=NOON) for _ in range(6)]
    desk.plan(*held, *free)
    assert offered(desk, limit=3) == ids(free)[:3]
    assert ids(desk.claim(limit=3)) == ids(free)[:3]
