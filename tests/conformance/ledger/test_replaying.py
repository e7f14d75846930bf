"""Occurrences that are done again: their numbers, their order, and no double."""

from __future__ import annotations

from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest

from rota.core.audit import Actor, AuditFilter, Face, Verb
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import NewRun, PlannedRun
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import SECOND, Instant
from rota.errors import UnknownTaskError
from tests.conformance.ledger.desk import Desk, ids, record, take

HOUR = 3600 * SECOND


def again(desk: Desk, instant: Instant, **changes: Any) -> NewRun:
    return desk.new(cause=Cause.BACKFILL, replay_time=instant, **changes)


def replay(desk: Desk, *runs: NewRun, **how: Any) -> list[PlannedRun]:
    return desk.do(lambda tx: tx.replay(runs, **how))


def test_a_replay_has_the_time_of_its_occurrence_and_a_number(desk: Desk) -> None:
    desk.register(record("t"))
    instant = desk.now - HOUR
    (first,) = desk.plan(desk.new(fire_time=instant, state=State.MISSED))
    (one,) = replay(desk, again(desk, instant, arguments={"n": 1}))
    run = desk.run(one.run_id)
    assert (run.fire_time, run.replay, run.cause) == (instant, 1, "backfill")
    assert (run.state, run.arguments) == ("queued", {"n": 1})
    assert (desk.run(first.run_id).fire_time, desk.run(first.run_id).replay) == (instant, None)


def test_a_claim_brings_the_past_time_and_the_number(desk: Desk) -> None:
    desk.register(record("t"))
    instant = desk.now - HOUR
    (one,) = replay(desk, again(desk, instant))
    (claim,) = desk.claim()
    assert (claim.run_id, claim.fire_time, claim.replay) == (one.run_id, instant, 1)
    assert claim.cause is Cause.BACKFILL


def test_numbers_rise_when_the_replay_before_has_ended(desk: Desk) -> None:
    desk.register(record("t"))
    instant = desk.now - HOUR
    made = []
    for _ in range(3):
        (one,) = replay(desk, again(desk, instant))
        (claim,) = desk.claim()
        desk.settle(desk.ending(claim))
        made.append(one.run_id)
    found = desk.history.runs_of_occurrences("t", [instant])
    assert [(run.id, run.replay) for run in found] == [(made[0], 1), (made[1], 2), (made[2], 3)]


@pytest.mark.parametrize("state", ["waiting", "running"])
@pytest.mark.parametrize("of", ["the occurrence", "a replay"])
def test_an_occurrence_with_a_run_that_has_not_ended_is_left_out(
    desk: Desk, of: str, state: str
) -> None:
    desk.register(record("t"))
    busy, free = desk.now - HOUR, desk.now - 2 * HOUR
    if of == "the occurrence":
        (there,) = desk.plan(desk.new(fire_time=busy))
    else:
        (there,) = replay(desk, again(desk, busy))
    if state == "running":
        desk.claim(judge=take(there.run_id))
    written = replay(desk, again(desk, free), again(desk, busy))
    assert [desk.run(one.run_id).fire_time for one in written] == [free]
    assert replay(desk, again(desk, free), again(desk, busy)) == []


def test_one_instant_that_is_asked_for_twice_gets_one_replay(desk: Desk) -> None:
    desk.register(record("t"))
    instant = desk.now - HOUR
    assert len(replay(desk, again(desk, instant), again(desk, instant))) == 1


def test_an_unknown_task_has_no_replays(desk: Desk) -> None:
    with pytest.raises(UnknownTaskError, match="'t'"):
        replay(desk, again(desk, desk.now - HOUR))


def test_the_first_run_of_an_occurrence_may_come_after_its_replay(desk: Desk) -> None:
    desk.register(record("t"))
    instant = desk.now - HOUR
    replay(desk, again(desk, instant))
    assert len(desk.plan(desk.new(fire_time=instant))) == 1
    assert desk.plan(desk.new(fire_time=instant)) == []
    found = desk.history.runs_of_occurrences("t", [instant])
    assert [run.replay for run in found] == [None, 1]


def test_replays_that_exclude_each_other_run_oldest_first_one_at_a_time(desk: Desk) -> None:
    desk.register(record("t"))
    instants = [desk.now - place * HOUR for place in (3, 2, 1)]
    queue = {"overlap": Overlap.QUEUE}
    made = replay(desk, *(again(desk, instant, **queue) for instant in instants))
    for one in made:
        claims = desk.claim()
        assert ids(claims) == [one.run_id]
        assert desk.claim() == []
        desk.settle(desk.ending(claims[0]))


def test_replays_of_two_lanes_run_two_at_a_time(desk: Desk) -> None:
    desk.register(record("t"))
    lanes = ['["backfill",0]', '["backfill",1]'] * 2
    made = replay(
        desk,
        *(
            again(desk, desk.now - HOUR + place, overlap=Overlap.QUEUE, overlap_key=lane)
            for place, lane in enumerate(lanes)
        ),
    )
    assert sorted(ids(desk.claim())) == sorted(one.run_id for one in made[:2])
    assert desk.claim() == []


def test_the_audit_has_one_row_for_all_replays_of_a_backfill(desk: Desk) -> None:
    desk.register(record("t"))
    by = Actor(Face.REST, "ann")
    instants = [desk.now - place * HOUR for place in (3, 2, 1)]
    made = replay(desk, *(again(desk, one) for one in instants), by=by, reason="lost data")
    (change,) = desk.history.audit(AuditFilter(task_id="t", verbs=[Verb.BACKFILL])).changes
    assert (change.who, change.reason, change.run_id) == ("ann", "lost data", made[0].run_id)
    assert change.after is not None
    assert (change.after["runs"], change.after["last_run"]) == (3, made[-1].run_id)


def test_the_audit_of_a_rerun_names_both_runs(desk: Desk) -> None:
    desk.register(record("t"))
    (first,) = desk.plan(desk.new(fire_time=desk.now - HOUR, state=State.MISSED))
    (one,) = replay(desk, again(desk, desk.now - HOUR, retry_of=first.run_id))
    (of_old,) = desk.history.audit(AuditFilter(run_id=first.run_id)).changes
    assert (of_old.verb, of_old.after) == (Verb.RERUN, {"run": one.run_id})
    (of_new,) = desk.history.audit(AuditFilter(run_id=one.run_id)).changes
    assert of_new.after == {"rerun_of": first.run_id}


def test_of_several_callers_at_once_one_writes_the_replay(desk: Desk) -> None:

    desk.register(record("t"))
    instant, start, written = desk.now - HOUR, Barrier(4), list[PlannedRun]()

    def call(run: NewRun) -> None:
        start.wait(60)
        written.extend(desk.ledger.run(partial(_replay_one, run)))

    threads = [Thread(target=call, args=(again(desk, instant),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(written) == 1
    assert [run.replay for run in desk.history.runs_of_occurrences("t", [instant])] == [1]


def _replay_one(run: NewRun, tx: Transaction) -> list[PlannedRun]:
    return tx.replay([run])
