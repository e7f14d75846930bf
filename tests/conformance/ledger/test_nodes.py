"""Nodes and their leases: who lives, who is gone, and what becomes of the runs of the gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rota.core.lifecycle import Settlement
from rota.core.outcome import OutcomeKind
from rota.core.ports.records import AttemptEnd, HeartbeatAnswer, NodeRecord, Orphan
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, Run, State
from rota.core.task import OnCrash, Policy
from rota.core.time import SECOND
from tests.conformance.ledger.desk import NOON, Desk, ids, record


def beat(desk: Desk, node_id: str = "a", lease: float = 30) -> HeartbeatAnswer:
    until = desk.now + round(lease * SECOND)
    return desk.do(lambda tx: tx.heartbeat(node_id, desk.now, until, {"running": 1}))


def reap(
    desk: Desk,
    *gone: str,
    state: State = State.QUEUED,
    unconfirmed: dict[str, int] | None = None,
) -> list[Run]:
    """Declare these nodes gone, as they are by now; what is found becomes `state`."""
    nodes = [node for node in desk.history.nodes() if node.id in gone]
    return desk.do(lambda tx: tx.reap(lambda orphan: crashed(orphan, state), nodes, unconfirmed))


def crashed(orphan: Orphan, state: State) -> AttemptEnd:
    run = orphan.run
    assert run.node is not None
    assert run.attempt_started_at is not None
    attempt = Attempt(
        run_id=run.id,
        number=run.attempt,
        node=run.node,
        started_at=run.attempt_started_at,
        finished_at=NOON,
        outcome=OutcomeKind.CRASHED,
        error="its node is gone",
    )
    settlement = Settlement(
        state, RunReason(None, "its node is gone"), run.failures, run.crashes + 1
    )
    return AttemptEnd(attempt, run.fence, settlement)


def states_of_nodes(desk: Desk) -> dict[str, str]:
    return {node.id: node.state for node in desk.history.nodes()}


# --- leases -------------------------------------------------------------------------------------


def test_a_node_is_there_as_it_joined(desk: Desk) -> None:
    node = replace(
        NodeRecord("n", "näme", "h", 1, "0.1", 2, NOON, NOON, NOON, "up"), info={"cpu": [1]}
    )
    desk.do(lambda tx: tx.join(node))
    assert desk.history.nodes() == [node]


def test_a_node_may_say_again_that_it_joins(desk: Desk) -> None:
    node = desk.join("a")
    desk.do(lambda tx: tx.leave("a", "draining", desk.now))
    desk.do(lambda tx: tx.join(node))
    assert states_of_nodes(desk) == {"a": "draining"}


def test_nodes_are_listed_newest_first(desk: Desk) -> None:
    for name in "abc":
        desk.join(name)
        desk.clock.move(1)
    assert [node.id for node in desk.history.nodes()] == ["c", "b", "a"]


def test_a_heartbeat_renews_the_lease(desk: Desk) -> None:
    desk.join(lease=30)
    now = desk.clock.move(20)
    assert beat(desk) == HeartbeatAnswer(True, {})
    (node,) = desk.history.nodes()
    assert (node.seen_at, node.lease_until, node.info) == (now, now + 30 * SECOND, {"running": 1})
    desk.clock.move(20)
    assert reap(desk) == []
    assert states_of_nodes(desk) == {"a": "up"}


def test_a_heartbeat_brings_what_is_to_be_cancelled(desk: Desk) -> None:
    desk.join()
    mine, other = desk.running("x", node="a"), desk.running("y", node="b")
    desk.do(lambda tx: tx.cancel(mine.run_id, "manually", desk.now))
    desk.do(lambda tx: tx.cancel(other.run_id, "manually", desk.now))
    assert beat(desk).cancel == {mine.run_id: "manually"}


def test_a_node_declared_gone_learns_it_and_stays_gone(desk: Desk) -> None:
    desk.join()
    reap(desk, "a")
    assert states_of_nodes(desk) == {"a": "gone"}
    assert beat(desk) == HeartbeatAnswer(False, {})
    desk.do(lambda tx: tx.leave("a", "draining", desk.now))
    assert states_of_nodes(desk) == {"a": "gone"}


def test_an_unknown_node_is_not_alive(desk: Desk) -> None:
    assert beat(desk, "never") == HeartbeatAnswer(False, {})


@pytest.mark.parametrize("state", ["draining", "stopped"])
def test_a_node_says_how_it_leaves(desk: Desk, state: str) -> None:
    desk.join()
    now = desk.clock.move(1)
    desk.do(lambda tx: tx.leave("a", state, desk.now))
    (node,) = desk.history.nodes()
    assert (node.state, node.seen_at) == (state, now)


def test_a_drained_node_hears_of_it_and_keeps_its_lease(desk: Desk) -> None:
    desk.join()
    assert desk.do(lambda tx: tx.drain("a", desk.now))
    assert not desk.do(lambda tx: tx.drain("a", desk.now))
    assert beat(desk) == HeartbeatAnswer(True, {}, draining=True)
    assert states_of_nodes(desk) == {"a": "draining"}
    assert desk.do(lambda tx: tx.drain("a", desk.now, on=False))
    assert beat(desk) == HeartbeatAnswer(True, {})


@pytest.mark.parametrize("state", ["stopped", "gone"])
def test_a_node_that_has_ended_is_not_drained(desk: Desk, state: str) -> None:
    desk.join()
    if state == "gone":
        reap(desk, "a")
    else:
        desk.do(lambda tx: tx.leave("a", state, desk.now))
    assert not desk.do(lambda tx: tx.drain("a", desk.now))
    assert not desk.do(lambda tx: tx.drain("a", desk.now, on=False))
    assert states_of_nodes(desk) == {"a": state}


# --- orphans ------------------------------------------------------------------------------------


def test_runs_of_living_nodes_are_left_alone_however_long_they_take(desk: Desk) -> None:
    desk.join("a")
    desk.join("b")
    desk.do(lambda tx: tx.leave("b", "draining", desk.now))
    desk.running("x", node="a")
    desk.running("y", node="b")
    for _ in range(10):
        desk.clock.move(29)
        beat(desk, "a")
        beat(desk, "b")
    assert reap(desk) == []
    assert desk.states() == ["running", "running"]


def test_the_runs_of_a_node_declared_gone_are_orphans(desk: Desk) -> None:
    desk.join("a")
    claim = desk.running(node="a")
    before = desk.run(claim.run_id)
    assert reap(desk, "a") == [before]
    run = desk.run(claim.run_id)
    assert (run.state, run.crashes, run.reason) == (State.QUEUED, 1, "its node is gone")
    assert run.fence > claim.fence
    (attempt,) = desk.history.attempts(claim.run_id)
    assert (attempt.outcome, attempt.error) == (OutcomeKind.CRASHED, "its node is gone")


def test_the_old_holder_wakes_up_too_late(desk: Desk) -> None:
    desk.join("a")
    old = desk.running(node="a")
    reap(desk, "a", state=State.LOST)
    before = desk.run(old.run_id)
    assert desk.settle(desk.ending(old), node="a") == [old.run_id]
    assert not desk.do(lambda tx: tx.checkpoint(old.run_id, old.fence, 1))
    assert desk.run(old.run_id) == before


def test_the_old_holder_is_too_late_even_if_it_claims_the_run_again(desk: Desk) -> None:
    desk.join("a")
    old = desk.running(node="a")
    desk.join("a again")
    reap(desk, "a")
    (new,) = desk.claim("a again")
    assert new.fence > old.fence
    for node in ("a", "a again"):
        assert desk.settle(desk.ending(old), node=node) == [old.run_id]
    assert desk.settle(desk.ending(new), node="a again") == []


def test_only_the_nodes_named_are_declared_gone_whatever_the_time(desk: Desk) -> None:
    desk.join("a")
    desk.join("b", lease=1)
    mine, _ = desk.running("x", node="a"), desk.running("y", node="b")
    desk.clock.move(3 * 86_400)
    assert ids(reap(desk, "a")) == [mine.run_id]
    assert states_of_nodes(desk) == {"a": "gone", "b": "up"}


def test_a_node_that_was_heard_meanwhile_is_not_gone(desk: Desk) -> None:
    node = desk.join("a")
    desk.running(node="a")
    desk.clock.move(-7200)
    beat(desk)
    assert desk.do(lambda tx: tx.reap(lambda orphan: crashed(orphan, State.QUEUED), [node])) == []
    assert states_of_nodes(desk) == {"a": "up"}


def test_runs_of_stopped_and_of_unknown_nodes_are_orphans(desk: Desk) -> None:
    stopped, unknown = desk.running("x", node="a"), desk.running("y", node="forgotten")
    desk.do(lambda tx: tx.leave("forgotten", "stopped", desk.now))
    desk.clock.move(1)
    desk.do(lambda tx: tx.prune(desk.now, 0))
    desk.do(lambda tx: tx.leave("a", "stopped", desk.now))
    assert ids(reap(desk)) == [stopped.run_id, unknown.run_id]
    assert states_of_nodes(desk) == {"a": "stopped"}
    assert reap(desk) == []


def test_an_orphan_comes_with_the_policy_of_its_task(desk: Desk) -> None:
    policy = Policy(on_crash=OnCrash.LOSE, max_crashes=7)
    desk.register(record("known", policy=policy))
    desk.running("known")
    desk.running("unknown")
    seen: dict[str, Policy] = {}

    def judge(orphan: Orphan) -> AttemptEnd:
        seen[orphan.run.task_id] = orphan.policy
        return crashed(orphan, State.LOST)

    nodes = desk.history.nodes()
    desk.do(lambda tx: tx.reap(judge, nodes))
    assert seen == {"known": policy, "unknown": Policy()}


def test_an_orphan_keeps_the_request_to_cancel_it(desk: Desk) -> None:
    claim = desk.running()
    desk.do(lambda tx: tx.cancel(claim.run_id, "manually", desk.now))
    (run,) = reap(desk, "a", state=State.CANCELLED)
    assert run.cancel_requested == "manually"


# --- what is unconfirmed ------------------------------------------------------------------------


def test_a_node_can_ask_what_it_runs(desk: Desk) -> None:
    mine, _, ended = desk.running("x"), desk.running("y", node="b"), desk.running("z")
    desk.settle(desk.ending(ended))
    desk.plan(desk.new("waits"))
    assert desk.history.running_of("a") == {mine.run_id: mine.fence}
    assert desk.history.running_of("never") == {}


def test_an_unconfirmed_run_is_settled_although_its_node_lives(desk: Desk) -> None:
    policy = Policy(max_crashes=7)
    desk.register(record("x", policy=policy))
    unconfirmed, other = desk.running("x"), desk.running("y")
    seen: list[Orphan] = []

    def judge(orphan: Orphan) -> AttemptEnd:
        seen.append(orphan)
        return crashed(orphan, State.QUEUED)

    taken = desk.do(lambda tx: tx.reap(judge, (), {unconfirmed.run_id: unconfirmed.fence}))
    assert ids(taken) == [unconfirmed.run_id]
    assert [orphan.policy for orphan in seen] == [policy]
    assert desk.run(unconfirmed.run_id).fence > unconfirmed.fence
    assert desk.run(other.run_id).state is State.RUNNING
    assert desk.settle(desk.ending(unconfirmed)) == [unconfirmed.run_id]  # too late


def test_a_run_claimed_again_or_ended_is_not_unconfirmed(desk: Desk) -> None:
    old, ended = desk.running("x"), desk.running("y")
    desk.settle(desk.ending(ended))
    desk.settle(desk.ending(old, State.QUEUED))
    desk.claim("a")
    assert (
        reap(desk, unconfirmed={old.run_id: old.fence, ended.run_id: ended.fence, "never": 1}) == []
    )
    assert desk.states() == ["running", "succeeded"]


def test_an_orphan_that_is_also_unconfirmed_is_settled_once(desk: Desk) -> None:
    claim = desk.running()
    assert ids(reap(desk, "a", unconfirmed={claim.run_id: claim.fence})) == [claim.run_id]
    assert len(desk.history.attempts(claim.run_id)) == 1
