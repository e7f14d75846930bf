"""Pauses of one task, by tag, and of all: a task is paused while any of them holds it."""

from __future__ import annotations

import pytest

from rota.core.audit import Actor, AuditFilter, Face, Verb
from rota.core.pauses import Pause
from rota.core.ports.records import StoredTask, TaskRecord
from rota.core.run import State
from rota.core.task import Policy
from rota.core.time import DAY, HOUR, SECOND
from rota.errors import DefinitionError
from tests.conformance.ledger.desk import Desk, record

ADA = Actor(Face.CLI, "ada")


def tagged(task_id: str, *tags: str) -> TaskRecord:
    return record(task_id, policy=Policy(tags=tags))


@pytest.fixture
def tasks(desk: Desk) -> Desk:
    """Three tasks; two have the tag `db`."""
    desk.register(tagged("a", "db"), tagged("b", "db", "slow"), tagged("c"))
    return desk


def task(desk: Desk, task_id: str) -> StoredTask:
    return desk.history.task(task_id)


def paused(desk: Desk) -> list[str]:
    return [one.record.id for one in desk.history.tasks() if one.paused_since is not None]


def test_a_tag_holds_the_tasks_that_have_it_and_all_holds_every_one(tasks: Desk) -> None:
    held = tasks.do(lambda tx: tx.pause_group("db", tasks.now, None, "migration", by=ADA))
    assert (held, paused(tasks)) == (2, ["a", "b"])
    assert task(tasks, "a").pause_reason == "tag db: migration"
    assert tasks.history.pauses(tasks.now) == [Pause("tag:db", tasks.now, None, "migration", "ada")]
    assert tasks.do(lambda tx: tx.pause_group(None, tasks.now, None, "", by=ADA)) == 3
    assert paused(tasks) == ["a", "b", "c"]
    assert task(tasks, "c").pause_reason == "all tasks"
    assert tasks.do(lambda tx: tx.resume_group("db", tasks.now, by=ADA)) == 2
    assert paused(tasks) == ["a", "b", "c"]
    assert tasks.do(lambda tx: tx.resume_group(None, tasks.now, by=ADA)) == 3
    assert paused(tasks) == []


def test_each_pause_keeps_its_reason_author_and_end(tasks: Desk) -> None:
    until = tasks.now + HOUR
    tasks.do(lambda tx: tx.pause("a", tasks.now, until, "mine", by=ADA))
    since = tasks.now
    tasks.clock.move(60)
    tasks.do(lambda tx: tx.pause_group("db", tasks.now, until + HOUR, "ours", by=Actor()))
    held = task(tasks, "a")
    assert (held.paused_since, held.paused_until) == (since, until + HOUR)
    assert held.pauses == (
        Pause("task", since, until, "mine", "ada"),
        Pause("tag:db", tasks.now, until + HOUR, "ours", "python"),
    )
    assert held.pause_reason == "mine; tag db: ours"
    tasks.do(lambda tx: tx.resume_group("db", tasks.now))
    assert (task(tasks, "a").paused_until, task(tasks, "a").pause_reason) == (until, "mine")
    assert task(tasks, "b").paused_since is None


def test_a_pause_that_has_ended_by_itself_is_no_part_of_a_later_one(tasks: Desk) -> None:
    until = tasks.now + HOUR
    tasks.do(lambda tx: tx.pause("a", tasks.now, until, "mine"))
    since = tasks.now
    tasks.clock.move(2 * 3600)
    tasks.do(lambda tx: tx.pause_group(None, tasks.now, None, "late"))
    held = task(tasks, "a")
    assert held.paused_since == tasks.now
    assert [one.scope for one in held.pauses] == ["all"]
    assert (since, until) in held.off


def test_a_task_that_is_registered_later_is_held_as_well(tasks: Desk) -> None:
    tasks.do(lambda tx: tx.pause_group("db", tasks.now, tasks.now + DAY, "migration"))
    tasks.clock.move(60)
    stored = tasks.register(tagged("d", "db"), tagged("e"))
    assert (stored["d"].paused_since, stored["e"].paused_since) == (tasks.now, None)
    again = tasks.register(tagged("c", "db"), tagged("a"))  # their tags changed in the code
    assert again["c"].paused_until == tasks.now - 60 * SECOND + DAY
    assert again["a"].paused_since is None
    assert again["c"].revision > stored["d"].revision
    tasks.clock.move(2 * 86400)
    assert tasks.register(tagged("f", "db"))["f"].paused_since is None


def test_a_repeated_pause_changes_nothing_and_has_no_second_row_in_the_audit(
    tasks: Desk,
) -> None:
    for _ in range(2):
        tasks.do(lambda tx: tx.pause_group("db", tasks.now, None, "migration", by=ADA))
        tasks.do(lambda tx: tx.pause("a", tasks.now, None, "mine", by=ADA))
        tasks.clock.move(1)
    before = task(tasks, "a")
    for _ in range(2):
        tasks.do(lambda tx: tx.resume_group("db", tasks.now, reason="done", by=ADA))
        tasks.do(lambda tx: tx.resume("a", tasks.now, by=ADA))
    assert before.paused_since is not None
    changes = tasks.history.audit(AuditFilter(verbs=[Verb.PAUSE, Verb.RESUME])).changes[::-1]
    assert [(one.verb, one.task_id, one.reason) for one in changes] == [
        (Verb.PAUSE, None, "migration"),
        (Verb.PAUSE, "a", "mine"),
        (Verb.RESUME, None, "done"),
        (Verb.RESUME, "a", ""),
    ]
    assert changes[0].after == {"held": "tag db", "tasks": 2, "until": None}


def test_a_tag_that_no_task_has_is_refused_with_the_nearest(tasks: Desk) -> None:
    with pytest.raises(DefinitionError, match="no task has the tag 'bd'") as refused:
        tasks.do(lambda tx: tx.pause_group("bd", tasks.now, None, ""))
    assert "db" in refused.value.remedy


def test_a_pause_that_is_caught_up_leaves_the_task_as_after_a_downtime(tasks: Desk) -> None:
    tasks.do(lambda tx: tx.pause("a", tasks.now, None, ""))
    tasks.do(lambda tx: tx.pause("b", tasks.now, None, ""))
    since = tasks.now
    tasks.clock.move(7200)
    tasks.do(lambda tx: tx.resume("a", tasks.now, catch_up=True))
    tasks.do(lambda tx: tx.resume("b", tasks.now))
    assert (task(tasks, "a").off, task(tasks, "a").planned_until) == ((), since - 1)
    assert task(tasks, "b").off == ((since, tasks.now + 1),)


def test_a_task_is_paused_after_so_many_failed_runs_in_a_row(tasks: Desk) -> None:
    def failing(most: int = 3) -> bool:
        return tasks.do(lambda tx: tx.pause_failing("a", most, tasks.now))

    tasks.ended("a", State.FAILED)
    tasks.ended("a", State.FAILED)
    assert not failing()
    tasks.ended("a", State.SUCCEEDED)
    tasks.ended("a", State.FAILED)
    tasks.ended("a", State.CANCELLED)
    tasks.ended("a", State.FAILED)
    assert not failing()
    tasks.ended("a", State.FAILED)
    assert failing()
    assert not failing()
    assert task(tasks, "a").pause_reason == (
        "the last 3 runs failed (pause_after_failures=3): failed"
    )
    (change,) = tasks.history.audit(AuditFilter(verbs=[Verb.PAUSE])).changes
    assert (change.task_id, change.who) == ("a", "rota")
    tasks.clock.move(60)
    tasks.do(lambda tx: tx.resume("a", tasks.now))
    tasks.clock.move(60)
    tasks.ended("a", State.FAILED)
    assert not failing(), "those before the resumption do not count"
