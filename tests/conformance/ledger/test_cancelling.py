"""Cancelling: at once what waits, by its node what runs, never what has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import OnConflict
from rota.core.run import FINAL, Cause, State
from rota.core.task import Overlap
from rota.core.time import DAY, Instant
from rota.errors import StateError, UnknownRunError
from tests.conformance.ledger.desk import Desk, record


def cancel(desk: Desk, run_id: str, reason: str = "manually") -> State:
    return desk.do(lambda tx: tx.cancel(run_id, reason, desk.now))


@pytest.mark.parametrize("state", [State.QUEUED, State.SCHEDULED])
def test_a_waiting_run_is_cancelled_at_once(desk: Desk, state: State) -> None:
    new = desk.new(state=state)
    desk.plan(new)
    now = desk.clock.move(1)
    assert cancel(desk, new.id) is State.CANCELLED
    run = desk.run(new.id)
    assert (run.state, run.reason, run.finished_at) == (State.CANCELLED, "manually", now)
    assert desk.claim() == []


def test_the_node_of_a_running_run_is_asked(desk: Desk) -> None:
    claim = desk.running(node="a")
    assert cancel(desk, claim.run_id) is State.RUNNING
    assert desk.run(claim.run_id).cancel_requested == "manually"
    assert desk.history.cancellations("a") == {claim.run_id: "manually"}
    assert desk.history.cancellations("b") == {}


def test_the_first_who_asked_is_named(desk: Desk) -> None:
    claim = desk.running()
    cancel(desk, claim.run_id, "first")
    cancel(desk, claim.run_id, "second")
    assert desk.run(claim.run_id).cancel_requested == "first"


def test_a_run_that_ended_is_no_longer_to_be_cancelled(desk: Desk) -> None:
    claim = desk.running()
    cancel(desk, claim.run_id)
    desk.settle(desk.ending(claim, State.CANCELLED))
    assert desk.history.cancellations("a") == {}


@pytest.mark.parametrize("state", [State.SCHEDULED, State.QUEUED])
def test_what_was_to_be_cancelled_waits_for_no_other_attempt(desk: Desk, state: State) -> None:
    asked, other = desk.running(), desk.running()
    cancel(desk, asked.run_id)
    ends = [desk.ending(claim, state, available_at=desk.now) for claim in (asked, other)]
    desk.settle(*ends)  # its node had not heard of it
    run = desk.run(asked.run_id)
    assert (run.state, run.reason, run.finished_at) == (State.CANCELLED, "manually", desk.now)
    assert desk.run(other.run_id).state is state


@pytest.mark.parametrize("state", sorted(FINAL - {State.SKIPPED, State.MISSED}))
def test_what_has_ended_cannot_be_cancelled(desk: Desk, state: State) -> None:
    run = desk.ended(state=state)
    with pytest.raises(StateError, match=f"has ended already: it is {state}"):
        cancel(desk, run.id)
    assert desk.run(run.id) == run


def test_an_unknown_run_is_said_to_be_unknown(desk: Desk) -> None:
    with pytest.raises(UnknownRunError, match=r"'nothing'.*rota runs"):
        cancel(desk, "nothing")


def frozen(desk: Desk, what: str, run_id: str, then: Instant) -> None:
    """End a waiting run as a node that looked at its clock before the run was made."""
    by_hand: dict[str, Any] = {"cause": Cause.MANUAL, "created_at": then}
    replaces = desk.new(overlap=Overlap.REPLACE, **by_hand)
    renews = desk.new(key="k", **by_hand)
    verbs: dict[str, Callable[[Transaction], object]] = {
        "cancel": lambda tx: tx.cancel(run_id, "manually", then),
        "delete": lambda tx: tx.remove("t", then),
        "replace": lambda tx: tx.plan([replaces]),
        "renew": lambda tx: tx.enqueue(
            [renews], on_conflict=OnConflict.REPLACE, key_until=then + DAY
        ),
    }
    desk.do(verbs[what])


@pytest.mark.parametrize("what", ["cancel", "delete", "replace", "renew"])
def test_a_run_ends_no_earlier_than_it_was_made(desk: Desk, what: str) -> None:
    desk.register(record())
    then = desk.now
    desk.clock.move(5)
    new = desk.new(cause=Cause.MANUAL, key="k")
    desk.do(lambda tx: tx.enqueue([new], key_until=then + DAY))
    frozen(desk, what, new.id, then)
    run = desk.run(new.id)
    assert (run.state, run.finished_at) == (State.CANCELLED, desk.now)
