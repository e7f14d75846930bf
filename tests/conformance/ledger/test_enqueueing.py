"""Runs that are asked for: at once, later, once for a key, in place of others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest

from rota.core.audit import Actor, AuditFilter, Face
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import (
    Claim,
    ClaimVerdict,
    Enqueued,
    NewRun,
    OnConflict,
    RunFilter,
    Waiting,
)
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import DAY, SECOND
from rota.errors import StateError, UnknownTaskError
from rota.ledger import open_ledger
from tests.conformance.ledger.desk import Desk, ids, record, take

JOB = record("t", trigger="job", trigger_args={})


def enqueue(desk: Desk, *runs: NewRun, **how: Any) -> list[Enqueued]:
    how = {"key_until": desk.now + DAY, **how}
    return desk.do(lambda tx: tx.enqueue(runs, **how))


def enqueued(desk: Desk, **changes: Any) -> str:
    (one,) = enqueue(desk, desk.new(**changes))
    return one.run_id


def test_what_was_enqueued_is_there_as_it_was_asked_for(desk: Desk) -> None:
    desk.register(JOB)
    later = desk.now + 60 * SECOND
    given: dict[str, Any] = {
        "arguments": {"to": "a@example.org", "*": [1, "ü"]},
        "options": {"max_retries": 0, "timeout": 1.5, "queue": "gpu", "tags": ["x"]},
        "priority": 7,
        "key": "order 7",
    }
    run_id = enqueued(
        desk, state=State.SCHEDULED, available_at=later, reason_code=ReasonCode.RUN_AT, **given
    )
    run = desk.run(run_id)
    assert {name: getattr(run, name) for name in given} == given
    assert (run.state, run.reason_code, run.available_at) == ("scheduled", "run_at", later)


def test_a_claim_brings_the_options_of_the_run(desk: Desk) -> None:
    desk.register(JOB)
    offered: list[Any] = []
    options = {"queue": "gpu", "timeout": 2}
    run_id = enqueued(desk, options=options, priority=3)

    def judge(waiting: Sequence[Waiting]) -> ClaimVerdict:
        offered.extend(waiting)
        return take(run_id)(waiting)

    (claim,) = desk.claim(judge=judge)
    assert (claim.run_id, claim.options) == (run_id, options)
    assert [(one.priority, one.options) for one in offered] == [(3, options)]


def test_a_run_is_not_claimed_before_its_time(desk: Desk) -> None:
    desk.register(JOB)
    at = desk.now + 10 * SECOND
    run_id = enqueued(desk, state=State.SCHEDULED, available_at=at)
    assert desk.claim() == []
    assert desk.history.due_times(desk.now, at, 10_000) == [at]
    assert desk.history.due_times(desk.now, at - 1, 10_000) == []
    desk.clock.move(10)
    assert ids(desk.claim()) == [run_id]


def test_times_that_are_close_together_are_one_look(desk: Desk) -> None:
    desk.register(JOB)
    for after in (1, 2, 10_000, 10_001):
        enqueued(desk, state=State.SCHEDULED, available_at=desk.now + after, priority=after % 3)
    found = desk.history.due_times(desk.now, desk.now + SECOND, 10_000)
    assert found == [desk.now + 10_000, desk.now + 20_000]


def test_a_task_that_is_not_registered_or_removed_gets_none(desk: Desk) -> None:
    with pytest.raises(UnknownTaskError):
        enqueued(desk)
    desk.register(JOB)
    desk.do(lambda tx: tx.remove("t", desk.now))
    with pytest.raises(UnknownTaskError):
        enqueued(desk)
    assert desk.states() == []


def test_many_are_written_together_or_not_at_all(desk: Desk) -> None:
    desk.register(JOB)
    runs = [desk.new(arguments={"n": n}) for n in range(50)]
    assert [one.run_id for one in enqueue(desk, *runs)] == [run.id for run in runs]
    assert [run.arguments for run in desk.active()] == [{"n": n} for n in range(50)]
    enqueued(desk, key="k")
    more = [desk.new(), desk.new(key="k")]
    with pytest.raises(StateError):
        enqueue(desk, *more, on_conflict=OnConflict.ERROR)
    assert len(desk.active()) == 51


def test_the_audit_contains_only_what_users_did(desk: Desk) -> None:
    desk.register(JOB)
    enqueued(desk)
    enqueue(desk, run := desk.new(), by=Actor(Face.REST, "ann"))
    (change,) = desk.history.audit(AuditFilter(), limit=10).changes
    assert (change.run_id, change.face, change.who, change.verb) == (run.id, "rest", "ann", "run")


# --- keys ---------------------------------------------------------------------------------------


def test_a_key_names_its_first_run(desk: Desk) -> None:
    desk.register(JOB)
    first = enqueued(desk, key="k")
    assert enqueue(desk, desk.new(key="k")) == [Enqueued(first, is_new=False)]
    assert enqueue(desk, other := desk.new(key="K")) == [Enqueued(other.id)]
    desk.register(record("u"))
    assert enqueue(desk, other := desk.new("u", key="k")) == [Enqueued(other.id)]


def test_a_key_names_an_ended_run_until_it_expires(desk: Desk) -> None:
    desk.register(JOB)
    first = enqueued(desk, key="k")
    (claim,) = desk.claim()
    assert desk.settle(desk.ending(claim)) == []
    desk.clock.move(86_399)
    assert enqueue(desk, desk.new(key="k")) == [Enqueued(first, is_new=False)]
    desk.clock.move(1)
    assert enqueue(desk, desk.new(key="k"))[0].is_new


def test_a_key_names_an_unfinished_run_even_after_it_expired(desk: Desk) -> None:
    desk.register(JOB)
    (first,) = enqueue(desk, desk.new(key="k"), key_until=desk.now)
    for move in (desk.claim, lambda: None):
        desk.clock.move(100)
        assert enqueue(desk, desk.new(key="k")) == [first._replace(is_new=False)]
        move()
    assert desk.states() == ["running"]


def test_a_taken_key_can_be_an_error(desk: Desk) -> None:
    desk.register(JOB)
    first = enqueued(desk, key="k")
    with pytest.raises(StateError, match=f"key 'k' of task 't' belongs to run {first}.*queued"):
        enqueue(desk, desk.new(key="k"), on_conflict=OnConflict.ERROR)
    assert desk.states() == ["queued"]


def test_a_waiting_run_is_replaced(desk: Desk) -> None:
    desk.register(JOB)
    first = enqueued(desk, key="k")
    (second,) = enqueue(desk, desk.new(key="k"), on_conflict=OnConflict.REPLACE)
    assert second.is_new
    assert (desk.run(first).state, desk.run(first).reason_code) == ("cancelled", "replaced")
    assert second.run_id in desk.run(first).reason
    assert enqueue(desk, desk.new(key="k")) == [second._replace(is_new=False)]


def test_a_running_one_goes_on_beside_the_one_that_takes_its_key(desk: Desk) -> None:
    desk.register(JOB)
    first = enqueued(desk, key="k")
    desk.claim()
    (second,) = enqueue(desk, desk.new(key="k"), on_conflict=OnConflict.REPLACE)
    assert second.is_new
    assert (desk.run(first).state, desk.run(second.run_id).state) == ("running", "queued")
    assert desk.run(first).cancel_requested is None


def test_keys_are_forgotten_with_the_history(desk: Desk) -> None:
    desk.register(JOB)
    enqueued(desk, key="over")
    (claim,) = desk.claim()
    desk.settle(desk.ending(claim))
    desk.clock.move(3 * 86_400)
    active = enqueued(desk, key="active")
    desk.do(lambda tx: tx.prune(desk.now, 100))
    assert enqueue(desk, desk.new(key="over"))[0].is_new
    assert enqueue(desk, desk.new(key="active")) == [Enqueued(active, is_new=False)]


def test_one_of_many_concurrent_requests_for_a_key_makes_the_run(shared_url: str) -> None:
    with Desk(shared_url) as desk:
        desk.register(JOB)
        barrier, found = Barrier(4), list[tuple[int, Enqueued]]()

        def ask() -> None:
            ledger = open_ledger(shared_url, clock=desk.clock)
            ledger.open()
            try:
                for key in range(10):
                    run = desk.new(key=str(key))
                    barrier.wait()
                    until = desk.now + DAY
                    write = partial(_enqueue, run, until)
                    found.append((key, ledger.write(write).result(30)[0]))
            finally:
                ledger.close()

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 40
        for key in range(10):
            some = [one for number, one in found if number == key]
            assert len({one.run_id for one in some}) == 1
            assert sum(one.is_new for one in some) == 1
        assert len(desk.active()) == 10


def _enqueue(run: NewRun, until: int, tx: Transaction) -> list[Enqueued]:
    return tx.enqueue([run], key_until=until)


# --- overlap ------------------------------------------------------------------------------------


def exclusive(desk: Desk, *customers: str | None) -> list[str]:
    """Enqueue runs that overlap only with those of the same customer."""
    return [enqueued(desk, overlap=Overlap.QUEUE, overlap_key=customer) for customer in customers]


def claimed(desk: Desk) -> Sequence[str]:
    return ids(desk.claim())


def test_runs_wait_for_those_with_the_same_overlap_key(desk: Desk) -> None:
    desk.register(JOB)
    a, again, b, other = exclusive(desk, "a", "a", "b", None)
    assert claimed(desk) == [a, b, other]
    assert claimed(desk) == []
    held = {run.id: run.fence for run in desk.history.running()}
    assert set(held) == {a, b, other}
    (end,) = [run for run in desk.history.running() if run.id == a]
    claim = Claim(a, "t", None, end.cause, 1, 0, 0, end.fence, None, None)
    desk.settle(desk.ending(claim))
    assert claimed(desk) == [again]


def test_the_first_of_each_overlap_key_is_found_behind_a_crowd(desk: Desk) -> None:
    desk.register(JOB)
    first, *_ = exclusive(desk, *["a"] * 150)
    (b,) = exclusive(desk, "b")
    assert ids(desk.claim(limit=2)) == [first, b]


def test_a_job_that_replaces_ends_those_with_the_same_overlap_key(desk: Desk) -> None:
    desk.register(JOB)
    how = {"overlap": Overlap.REPLACE}
    running = enqueued(desk, overlap_key="a", **how)
    desk.claim()
    other = enqueued(desk, overlap_key="b", **how)
    waiting = enqueued(desk, overlap_key="a", **how)
    last = enqueued(desk, overlap_key="a", **how)
    assert desk.run(running).cancel_requested is not None
    assert desk.run(waiting).reason_code == "replaced"
    assert [desk.run(one).state for one in (other, last)] == ["queued", "queued"]


# --- found by its tags --------------------------------------------------------------------------


def test_runs_are_found_by_exactly_one_of_their_own_tags(desk: Desk) -> None:
    desk.register(JOB)
    day = enqueued(desk, options={"tags": ["day", "old"], "timeout": 2})
    enqueued(desk, options={"tags": ["daily", "x_y"], "queue": "day"})
    enqueued(desk, options={"queue": "day"})
    enqueued(desk)
    late = enqueued(desk, options={"queue": "xzy", "tags": ["day"], "max_retries": 1})

    def found(tag: str, **where: Any) -> list[str]:
        return [run.id for run in desk.history.runs(RunFilter(tag=tag, **where)).runs]

    assert found("day") == [late, day]
    assert found("old") == [day]
    assert found("day", states={State.QUEUED}) == [late, day]
    assert found("day", causes={Cause.SCHEDULE}) == []
    page = desk.history.runs(RunFilter(tag="day"), limit=1)
    assert [page.next, *ids(desk.history.runs(RunFilter(tag="day"), after=page.next).runs)] == [
        late,
        day,
    ]


@pytest.mark.parametrize(
    "tag",
    [
        *("da", "DAY", "d%", "%", "x-y", "_", "", ",", '"', "'", 'day","old', "day'--", "]"),
        *("\\", "\0", "\ud800", "timeout", "ü"),
    ],
)
def test_a_text_that_is_no_tag_of_a_run_finds_none(desk: Desk, tag: str) -> None:
    desk.register(JOB)
    enqueued(desk, options={"tags": ["day", "old", "x_y"], "timeout": 2, "queue": "x"})
    assert desk.history.runs(RunFilter(tag=tag)).runs == []
