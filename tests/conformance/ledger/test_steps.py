"""Steps of a run: stored under its fence, brought by its next claim, gone with the run."""

from __future__ import annotations

from typing import Any

from rota.core.ports.records import Claim
from rota.core.run import State, Step
from rota.core.time import DAY
from tests.conformance.ledger.desk import NOON, Desk


def remember(desk: Desk, claim: Claim, key: str, value: Any = None) -> bool:
    step = Step(key, value, desk.now)
    return desk.do(lambda tx: tx.remember(claim.run_id, claim.fence, step))


def again(desk: Desk, claim: Claim) -> Claim:
    desk.settle(desk.ending(claim, State.QUEUED))
    (claim,) = desk.claim()
    return claim


def test_the_next_attempt_gets_what_was_stored(desk: Desk) -> None:
    first = desk.running()
    assert dict(first.steps) == {}
    hard = {"ключ": ["'", '"', "nul \x00", "𝄞", 2**60, 0.1, None, {}]}
    assert remember(desk, first, "charge", hard)
    assert remember(desk, first, "Straße 7 'x' %_", None)
    other = desk.running("other")
    second = again(desk, first)
    assert dict(second.steps) == {"charge": hard, "Straße 7 'x' %_": None}
    assert remember(desk, second, "mail", 3)
    third = again(desk, second)
    assert dict(third.steps) == {**second.steps, "mail": 3}
    assert dict(again(desk, other).steps) == {}


def test_several_claims_get_each_their_own(desk: Desk) -> None:
    some = [desk.running(name) for name in "abc"]
    for claim in some[:2]:
        remember(desk, claim, "who", claim.task_id)
    desk.settle(*(desk.ending(claim, State.QUEUED) for claim in some))
    fresh = desk.plan(desk.new("d"))
    claims = {claim.task_id: dict(claim.steps) for claim in desk.claim()}
    assert len(fresh) == 1
    assert claims == {"a": {"who": "a"}, "b": {"who": "b"}, "c": {}, "d": {}}


def test_the_same_key_again_replaces_the_value(desk: Desk) -> None:
    claim = desk.running()
    assert remember(desk, claim, "k", 1)
    desk.clock.move(1)
    assert remember(desk, claim, "k", 2)
    assert desk.history.steps(claim.run_id) == [Step("k", 2, desk.now)]


def test_a_step_is_fenced(desk: Desk) -> None:
    old = desk.running()
    assert remember(desk, old, "k", "mine")
    desk.settle(desk.ending(old, State.QUEUED))
    assert not remember(desk, old, "k", "while it waits")
    (new,) = desk.claim("b")
    assert not remember(desk, old, "k", "late")
    assert not remember(desk, old, "another")
    desk.settle(desk.ending(new), node="b")
    assert not remember(desk, new, "k", "ended")
    assert not remember(desk, new._replace(run_id="unknown"), "k")
    assert desk.history.steps(old.run_id) == [Step("k", "mine", NOON)]


def test_the_steps_of_a_run_are_listed_in_their_order(desk: Desk) -> None:
    claim = desk.running()
    for key in ("b", "c", "a"):
        desk.clock.move(1)
        remember(desk, claim, key, [key])
    remember(desk, desk.running("other"), "else")
    assert [(step.key, step.value) for step in desk.history.steps(claim.run_id)] == [
        ("b", ["b"]),
        ("c", ["c"]),
        ("a", ["a"]),
    ]
    assert desk.history.steps("unknown") == []


def test_steps_are_pruned_with_their_run(desk: Desk) -> None:
    old, kept = desk.running(), desk.running()
    remember(desk, old, "k")
    remember(desk, kept, "k")
    desk.settle(desk.ending(old))
    desk.clock.move(2 * 86400)
    assert desk.do(lambda tx: tx.prune(desk.now - DAY, 10)) == 1
    assert desk.history.steps(old.run_id) == []
    assert len(desk.history.steps(kept.run_id)) == 1
