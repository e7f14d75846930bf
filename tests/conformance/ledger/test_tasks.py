"""What is stored of a task: what the code says, what is laid over it, where planning stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rota.core.ports.records import Edits
from rota.core.run import State
from rota.core.task import Catchup, OnCrash, Overlap, Policy
from rota.core.time import DAY, SECOND
from rota.errors import UnknownTaskError
from tests.conformance.ledger.desk import NOON, Desk, record


def test_a_new_task_is_planned_from_the_moment_it_is_registered(desk: Desk) -> None:
    stored = desk.register(record())["t"]
    assert (stored.anchor, stored.planned_until, stored.seen_at) == (NOON, NOON, NOON)
    assert stored == desk.history.task("t")


def test_everything_of_a_record_is_kept(desk: Desk) -> None:
    policy = Policy(
        overlap=Overlap.REPLACE,
        catchup=Catchup.ALL,
        on_crash=OnCrash.LOSE,
        start_deadline=2.5,
        retry_on=("OSError", "builtins.OSError"),
    )
    task = record(policy=policy, description="größer ✓", file="tasks.py", line=3, enabled=False)
    desk.register(task)
    assert desk.history.task("t").record == task


def test_registering_it_again_changes_nothing(desk: Desk) -> None:
    first = desk.register(record())["t"]
    desk.clock.move(60)
    assert desk.register(record())["t"] == first
    assert desk.history.task("t") == first


def test_a_task_that_is_seen_for_days_has_been_seen_today(desk: Desk) -> None:
    first = desk.register(record())["t"]
    now = desk.clock.move(2 * DAY / 1e6)
    again = desk.register(record())["t"]
    assert (again.seen_at, again.planned_until) == (now, first.planned_until)
    assert again == desk.history.task("t")


def test_a_changed_record_keeps_the_place_of_its_planning(desk: Desk) -> None:
    first = desk.register(record())["t"]
    desk.clock.move(60)
    changed = desk.register(record(name="Other"))["t"]
    assert (changed.anchor, changed.planned_until) == (NOON, NOON)
    assert (changed.record.name, changed.revision > first.revision) == ("Other", True)
    assert changed == desk.history.task("t")


def test_a_changed_schedule_keeps_its_anchor_and_the_former_one_until_it_is_planned(
    desk: Desk,
) -> None:
    desk.register(record())
    now = desk.clock.move(60)
    stored = desk.register(record(schedule="second schedule", trigger_args={"hour": 8}))["t"]
    assert (stored.anchor, stored.planned_until) == (NOON, now - 1)
    assert [one.trigger_args for one in stored.former] == [{"hour": 9}]
    desk.plan(planned_until={"t": now})
    again = desk.register(record(schedule="second schedule", trigger_args={"hour": 8}))["t"]
    assert again.former == ()


def test_other_words_for_the_same_times_are_no_change(desk: Desk) -> None:
    desk.register(record())
    desk.clock.move(60)
    stored = desk.register(record(schedule="second schedule"))["t"]
    assert (stored.record.schedule, stored.planned_until) == ("second schedule", NOON)


def test_what_fell_due_while_a_task_was_disabled_is_not_caught_up(desk: Desk) -> None:
    desk.register(record(enabled=False))
    now = desk.clock.move(60)
    stored = desk.register(record(enabled=True))["t"]
    assert (stored.anchor, stored.off) == (NOON, ((NOON + 1, now + 1),))


def test_disabling_moves_no_cursor(desk: Desk) -> None:
    desk.register(record())
    desk.clock.move(60)
    assert desk.register(record(enabled=False))["t"].planned_until == NOON


def test_several_tasks_at_once_each_get_their_own(desk: Desk) -> None:
    desk.register(record("a"))
    desk.clock.move(1)
    stored = desk.register(record("a"), record("b"))
    assert (stored["a"].anchor, stored["b"].anchor) == (NOON, desk.now)
    assert desk.register() == {}


def test_edits_are_laid_over_what_the_code_says_and_outlast_it(desk: Desk) -> None:
    desk.register(record())
    stored = desk.do(lambda tx: tx.edit("t", Edits(name="Mine"), desk.now))
    assert (stored.edits, stored.record.name) == (Edits(name="Mine"), "Task t")
    assert desk.register(record(description="new"))["t"].edits == Edits(name="Mine")


def test_a_second_edit_leaves_what_it_does_not_name(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.edit("t", Edits(name="Mine"), desk.now))
    stored = desk.do(lambda tx: tx.edit("t", Edits(enabled=False), desk.now))
    assert stored.edits == Edits(name="Mine", enabled=False)
    assert stored == desk.history.task("t")


def test_the_former_times_of_a_task_are_kept_until_they_are_planned(desk: Desk) -> None:
    first = desk.register(record())["t"]
    desk.clock.move(60)
    desk.do(lambda tx: tx.edit("t", Edits(trigger_args={"hour": 10}), desk.now))
    desk.clock.move(60)
    desk.do(lambda tx: tx.pause("t", desk.now, None, ""))  # which changes no times
    desk.clock.move(60)
    desk.do(lambda tx: tx.edit("t", Edits(trigger_args={"hour": 11}), desk.now))
    (stored,) = desk.history.changed_tasks(first.revision)
    assert [(one.since, one.until) for one in stored.former] == [
        (NOON, NOON + 60 * SECOND),
        (NOON + 60 * SECOND, NOON + 180 * SECOND),
    ]
    assert stored.former[0].planned_until == first.planned_until
    assert desk.register(record())["t"].former == stored.former
    desk.plan(planned_until={"t": NOON + 180 * SECOND})
    assert desk.history.changed_tasks(first.revision)[0].former == ()


def test_edited_times_start_anew(desk: Desk) -> None:
    desk.register(record())
    now = desk.clock.move(60)
    stored = desk.do(lambda tx: tx.edit("t", Edits(trigger_args={"hour": 10}), desk.now))
    assert (stored.anchor, stored.planned_until) == (now, now - 1)
    assert stored.edits.trigger_args == {"hour": 10}


def test_the_same_times_laid_over_change_nothing(desk: Desk) -> None:
    desk.register(record())
    desk.clock.move(60)
    stored = desk.do(lambda tx: tx.edit("t", Edits(trigger_args={"hour": 9}), desk.now))
    assert (stored.anchor, stored.planned_until) == (NOON, NOON)


def test_enabling_by_an_edit_catches_nothing_up(desk: Desk) -> None:
    desk.register(record(enabled=False))
    now = desk.clock.move(60)
    stored = desk.do(lambda tx: tx.edit("t", Edits(enabled=True), desk.now))
    assert (stored.anchor, stored.off) == (NOON, ((NOON + 1, now + 1),))


def test_a_removed_task_cancels_what_waits_and_keeps_its_history(desk: Desk) -> None:
    desk.register(record(), record("other"))
    desk.ended()
    running = desk.running()
    desk.plan(desk.new(), desk.new(state=State.SCHEDULED), desk.new("other"))
    desk.do(lambda tx: tx.remove("t", desk.now))
    assert desk.states() == ["succeeded", "running", "cancelled", "cancelled", "queued"]
    assert desk.run(running.run_id).cancel_requested is None
    assert desk.history.task("t").removed_at == NOON
    assert [task.record.id for task in desk.history.tasks()] == ["other", "t"]
    assert desk.history.task_ids() == ["other"]


@pytest.mark.parametrize("state", [State.SCHEDULED, State.QUEUED])
def test_what_would_be_attempted_again_of_a_removed_task_is_cancelled(
    desk: Desk, state: State
) -> None:
    desk.register(record(), record("other"))
    removed, other = desk.running(), desk.running("other")
    desk.do(lambda tx: tx.remove("t", desk.now))
    now = desk.clock.move(60)
    assert desk.settle(desk.ending(removed, state), desk.ending(other, state)) == []
    run = desk.run(removed.run_id)
    assert (run.state, run.reason) == (State.CANCELLED, "its task was removed")
    assert run.finished_at == now
    assert desk.run(other.run_id).state is state


def test_a_removed_task_comes_back_and_catches_nothing_up(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.remove("t", desk.now))
    now = desk.clock.move(60)
    stored = desk.register(record())["t"]
    assert (stored.removed_at, stored.off) == (None, ((NOON, now + 1),))


def test_a_task_that_is_known_is_seen_once_a_day_and_is_not_changed_by_that(desk: Desk) -> None:
    first = desk.register(record(), record("other"))["t"]
    desk.clock.move(DAY / SECOND - 1)
    desk.do(lambda tx: tx.seen(["t", "never"], desk.now))
    assert desk.history.task("t") == first
    now = desk.clock.move(1)
    desk.do(lambda tx: tx.seen(["t", "never"], desk.now))
    assert desk.history.task("t") == replace(first, seen_at=now)
    assert desk.history.task("other").seen_at == NOON


def test_a_task_that_no_node_knows_is_forgotten_and_its_waiting_runs_are_missed(desk: Desk) -> None:
    desk.register(record(), record("known"))
    ended, running = desk.ended(), desk.running()
    desk.plan(desk.new(), desk.new(state=State.SCHEDULED), desk.new("known"))
    now = desk.clock.move(DAY / SECOND)
    desk.do(lambda tx: tx.seen(["known"], now))
    assert desk.do(lambda tx: tx.forget(NOON, now)) == []
    assert desk.do(lambda tx: tx.forget(NOON + 1, now)) == ["t"]
    assert [task.record.id for task in desk.history.tasks()] == ["known"]
    assert desk.states() == ["succeeded", "running", "missed", "missed", "queued"]
    missed = desk.history.runs(limit=2).runs[1]
    assert (missed.reason.partition(" since ")[0], missed.finished_at) == (
        "no node has known its task",
        now,
    )
    assert [desk.run(run_id).task_id for run_id in (ended.id, running.run_id)] == ["t", "t"]
    assert desk.do(lambda tx: tx.forget(NOON + 1, now)) == []


def test_a_change_is_newer_than_all_before_it_though_the_newest_task_was_forgotten(
    desk: Desk,
) -> None:
    desk.register(record("known"))
    desk.register(record("gone"))
    newest = max(task.revision for task in desk.history.tasks())
    now = desk.clock.move(DAY / SECOND)
    desk.do(lambda tx: tx.seen(["known"], now))
    assert desk.do(lambda tx: tx.forget(NOON + 1, now)) == ["gone"]
    desk.do(lambda tx: tx.pause("known", now, None, "a rest"))
    (known,) = desk.history.tasks()
    assert known.revision > newest


@pytest.mark.parametrize("verb", ["pause", "resume", "edit", "remove"])
def test_an_unknown_task_is_named_with_the_nearest(desk: Desk, verb: str) -> None:
    desk.register(record("report"), record("cleanup"))
    calls = {
        "pause": lambda tx: tx.pause("raport", desk.now, None, ""),
        "resume": lambda tx: tx.resume("raport", desk.now),
        "edit": lambda tx: tx.edit("raport", Edits(), desk.now),
        "remove": lambda tx: tx.remove("raport", desk.now),
    }
    with pytest.raises(UnknownTaskError, match=r"'raport'.*Did you mean 'report'"):
        desk.do(calls[verb])


def test_history_names_the_nearest_task_too(desk: Desk) -> None:
    with pytest.raises(UnknownTaskError, match="knows no task yet"):
        desk.history.task("raport")
    desk.register(record("report"))
    with pytest.raises(UnknownTaskError, match="Did you mean 'report'"):
        desk.history.task("raport")


def test_tasks_can_be_asked_for_by_id(desk: Desk) -> None:
    desk.register(record("c"), record("a"), record("b"))
    assert [task.record.id for task in desk.history.tasks(["c", "a", "x"])] == ["a", "c"]
    assert desk.history.tasks([]) == []


def test_revisions_rise_over_all_tasks(desk: Desk) -> None:
    desk.register(record("a"), record("b"))
    seen = max(task.revision for task in desk.history.changed_tasks(0))
    assert desk.history.changed_tasks(seen) == []
    desk.do(lambda tx: tx.pause("a", desk.now, None, ""))
    (changed,) = desk.history.changed_tasks(seen)
    assert changed == desk.history.task("a")
    desk.do(lambda tx: tx.pause("b", desk.now, None, ""))
    assert [task.record.id for task in desk.history.changed_tasks(changed.revision)] == ["b"]


def test_a_cursor_is_no_change(desk: Desk) -> None:
    first = desk.register(record())["t"]
    desk.plan(planned_until={"t": NOON + 1})
    assert desk.history.task("t").revision == first.revision
    assert desk.history.task("t").planned_until == NOON + 1
