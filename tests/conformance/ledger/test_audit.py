"""The audit: every change leaves a row with who, what, when and why, and none is ever altered."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.audit import KEPT, Actor, AuditFilter, Change, Face, Verb
from rota.core.ports.records import Edits
from rota.core.run import State
from rota.core.time import SECOND
from rota.errors import StateError, UnknownTaskError
from tests.conformance.ledger.desk import NOON, Desk, record

ANN = Actor(Face.REST, "ann")


def newest(desk: Desk, **where: Any) -> Change:
    return desk.history.audit(AuditFilter(**where), limit=1).changes[0]


def words(desk: Desk, **where: Any) -> list[str]:
    return [change.verb.value for change in desk.history.audit(AuditFilter(**where)).changes]


def test_what_the_code_says_is_no_change(desk: Desk) -> None:
    desk.register(record())
    desk.register(record(name="Other"))
    desk.plan(desk.new(fire_time=NOON), desk.new(state=State.SKIPPED, fire_time=NOON + 1))
    assert words(desk) == []


def test_a_change_says_who_what_when_and_why(desk: Desk) -> None:
    desk.register(record())
    now = desk.clock.move(5)
    desk.do(lambda tx: tx.pause("t", now, NOON + 60 * SECOND, "größer\x00", by=ANN))
    change = newest(desk)
    assert (change.face, change.who, change.verb, change.at) == (Face.REST, "ann", Verb.PAUSE, now)
    assert (change.task_id, change.run_id) == ("t", None)
    assert change.reason == "größer\u2400"
    assert change.before == {"paused": False, "paused_until": None}
    assert change.after == {"paused": True, "paused_until": "2026-02-02T02:41:00Z"}


def test_each_verb_on_a_task_leaves_a_row(desk: Desk) -> None:
    desk.do(lambda tx: tx.register([record()], NOON, by=ANN))
    desk.do(lambda tx: tx.pause("t", NOON, None, ""))
    desk.do(lambda tx: tx.resume("t", NOON, reason="done", by=ANN))
    desk.do(lambda tx: tx.edit("t", Edits(name="Mine", enabled=True), NOON, by=ANN))
    edited = newest(desk)
    desk.do(lambda tx: tx.remove("t", NOON, by=ANN))
    assert words(desk) == ["remove", "edit", "resume", "pause", "create"]
    assert (edited.before, edited.after) == ({"name": "Task t"}, {"name": "Mine"})
    assert newest(desk).after == {"removed": True}
    [created] = desk.history.audit(AuditFilter(verbs=[Verb.CREATE])).changes
    assert (created.before, created.after) == (None, {"func_path": "tasks:run"})


def test_what_changes_nothing_leaves_none(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.resume("t", NOON))
    desk.do(lambda tx: tx.remove("t", NOON))
    desk.do(lambda tx: tx.remove("t", NOON))
    with pytest.raises(UnknownTaskError):
        desk.do(lambda tx: tx.pause("nobody", NOON, None, ""))
    assert words(desk) == ["remove"]


def test_starting_and_cancelling_by_hand_leave_rows(desk: Desk) -> None:
    run = desk.new(reason="please")
    desk.do(lambda tx: tx.plan([run, desk.new(fire_time=NOON)], by=ANN))
    desk.do(lambda tx: tx.cancel(run.id, "enough", NOON, by=ANN))
    cancelled, started = desk.history.audit(AuditFilter(run_id=run.id)).changes
    assert (started.verb, started.reason, started.task_id) == (Verb.RUN, "please", "t")
    assert (cancelled.verb, cancelled.reason) == (Verb.CANCEL, "enough")
    assert cancelled.before == {"state": "queued"}
    with pytest.raises(StateError):
        desk.do(lambda tx: tx.cancel(run.id, "again", NOON))
    assert words(desk) == ["cancel", "run"]


def test_many_that_are_started_at_once_are_one_change(desk: Desk) -> None:
    runs = [desk.new() for _ in range(3)]
    desk.plan(*runs, desk.new("other"))
    other, started = desk.history.audit().changes
    assert (started.run_id, started.after) == (runs[0].id, {"runs": 3, "last": runs[2].id})
    assert (other.task_id, other.after) == ("other", None)


def test_a_run_that_was_written_before_is_not_noted_again(desk: Desk) -> None:
    run = desk.new()
    desk.plan(run)
    desk.plan(run)
    assert words(desk) == ["run"]


def test_a_retry_is_noted_with_both_runs(desk: Desk) -> None:
    failed = desk.ended(state=State.FAILED)
    again = desk.new(retry_of=failed.id)
    desk.do(lambda tx: tx.plan([again], by=ANN))
    assert newest(desk, run_id=failed.id).verb is Verb.RETRY
    assert newest(desk, run_id=failed.id).after == {"run": again.id}
    assert newest(desk, run_id=again.id).after == {"retry_of": failed.id}


def test_a_change_and_its_row_are_durable_together_or_not_at_all(desk: Desk) -> None:
    desk.register(record())

    def interrupted(tx: Any) -> None:
        tx.pause("t", NOON, None, "")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        desk.do(interrupted)
    assert words(desk) == []


def test_pages_go_through_all_changes_newest_first(desk: Desk) -> None:
    for number in range(5):
        desk.plan(desk.new(reason=str(number)))
    seen: list[str] = []
    after = None
    for _ in range(3):
        page = desk.history.audit(limit=2, after=after)
        seen += [change.reason for change in page.changes]
        after = page.next
    assert (seen, after) == (["4", "3", "2", "1", "0"], None)


def test_filters_narrow_it(desk: Desk) -> None:
    desk.register(record("a"), record("b"))
    desk.do(lambda tx: tx.pause("a", NOON, None, "", by=ANN))
    later = desk.clock.move(60)
    desk.do(lambda tx: tx.pause("b", later, None, ""))
    desk.do(lambda tx: tx.resume("b", later, by=Actor(Face.CLI, "ann")))
    assert words(desk, task_id="a") == ["pause"]
    assert words(desk, who="ann") == ["resume", "pause"]
    assert words(desk, face=Face.CLI) == ["resume"]
    assert words(desk, verbs=[Verb.PAUSE, Verb.CANCEL]) == ["pause", "pause"]
    assert words(desk, verbs=[]) == []
    assert words(desk, since=later) == ["resume", "pause"]
    assert words(desk, until=later) == ["pause"]
    assert words(desk, since=NOON + 1, until=later) == []


def test_changes_outlive_their_runs_by_a_year(desk: Desk) -> None:
    desk.ended()
    desk.clock.move(KEPT / SECOND)
    desk.plan(desk.new())
    desk.do(lambda tx: tx.prune(desk.now, 100))
    assert words(desk) == ["run", "run"]
    desk.clock.move(0.001)
    desk.plan(desk.new())
    desk.do(lambda tx: tx.prune(desk.now, 100))
    assert words(desk) == ["run", "run"]  # the first is gone
    assert newest(desk).at == desk.now


def test_runs_are_found_by_their_ids(desk: Desk) -> None:
    runs = [desk.new() for _ in range(3)]
    desk.plan(*runs)
    found = desk.history.runs_by_id([runs[2].id, "nothing", runs[0].id])
    assert [run.id for run in found] == [runs[0].id, runs[2].id]
    assert desk.history.runs_by_id([]) == []
