"""Every occurrence gets exactly one row, decided beside the runs of its task."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.ports.records import NewRun
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, State
from rota.core.task import Overlap
from tests.conformance.ledger.desk import NOON, Desk, ids, record


def test_a_planned_run_is_there_as_it_was_given(desk: Desk) -> None:
    new = desk.new(fire_time=NOON, available_at=NOON + 5, state=State.SCHEDULED)
    assert ids(desk.plan(new)) == [new.id]
    run = desk.run(new.id)
    assert (run.task_id, run.fire_time, run.cause) == ("t", NOON, Cause.SCHEDULE)
    assert (run.state, run.available_at, run.created_at) == (State.SCHEDULED, NOON + 5, NOON)
    assert (run.attempt, run.failures, run.crashes, run.fence, run.count) == (0, 0, 0, 0, 1)
    assert (run.started_at, run.finished_at, run.node, run.arguments) == (None, None, None, None)
    assert not run.exclusive


def test_a_run_that_a_calendar_moved_keeps_its_nominal_time(desk: Desk) -> None:
    moved = desk.new(fire_time=NOON, nominal_time=NOON - 86_400_000_000)
    other = desk.new("other", fire_time=NOON)
    desk.plan(moved, other)
    assert desk.run(moved.id).nominal_time == NOON - 86_400_000_000
    assert desk.run(other.id).nominal_time is None


def test_an_occurrence_has_one_row_however_often_it_is_planned(desk: Desk) -> None:
    first = desk.new(fire_time=NOON)
    again = desk.new(fire_time=NOON)
    other = desk.new("other", fire_time=NOON)
    assert ids(desk.plan(first)) == [first.id]
    assert ids(desk.plan(again, other)) == [other.id]
    assert ids(desk.history.runs(newest_first=False).runs) == [first.id, other.id]


def test_an_occurrence_twice_in_one_batch_is_one(desk: Desk) -> None:
    assert len(desk.plan(desk.new(fire_time=NOON), desk.new(fire_time=NOON))) == 1


def test_manual_starts_are_all_different(desk: Desk) -> None:
    assert len(desk.plan(desk.new(), desk.new())) == 2


def test_the_same_manual_start_again_writes_nothing(desk: Desk) -> None:
    new = desk.new(arguments={"n": 1})
    assert ids(desk.plan(new)) == [new.id]
    assert desk.plan(new) == []
    assert desk.run(new.id).arguments == {"n": 1}


def test_an_existing_occurrence_replaces_nothing(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, overlap=Overlap.REPLACE))
    assert desk.plan(desk.new(fire_time=NOON, overlap=Overlap.REPLACE)) == []
    assert desk.states() == ["queued"]


def test_what_is_over_as_it_is_written_ends_when_it_was_made(desk: Desk) -> None:
    missed = desk.new(
        fire_time=NOON - 5, state=State.MISSED, reason="a downtime", occurrence_count=7
    )
    skipped = desk.new(fire_time=NOON, state=State.SKIPPED, reason="stuck")
    desk.plan(missed, skipped)
    run = desk.run(missed.id)
    assert (run.state, run.reason, run.count) == (State.MISSED, "a downtime", 7)
    assert (run.finished_at, run.created_at) == (NOON, NOON)
    assert desk.run(skipped.id).finished_at == NOON


# --- overlap ------------------------------------------------------------------------------------


def test_skip_leaves_a_row_that_says_why(desk: Desk) -> None:
    desk.running(fire_time=NOON, overlap=Overlap.SKIP, node="b")
    (planned,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP))
    assert planned.state is State.SKIPPED
    assert "was still running on node node b" in planned.reason.text
    assert desk.run(planned.run_id).reason == planned.reason.text


@pytest.mark.parametrize(
    ("code", "words"), [(ReasonCode.JITTER, "start delay (jitter)"), (ReasonCode.RETRY, "retry")]
)
def test_skip_says_what_the_run_in_its_way_waits_for(
    desk: Desk, code: ReasonCode, words: str
) -> None:
    desk.plan(desk.new(fire_time=NOON, state=State.SCHEDULED, reason_code=code))
    (planned,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP))
    assert planned.reason.text.endswith(f"was still waiting for its {words}")
    assert (planned.reason.code, desk.run(planned.run_id).reason_code) == ("overlap", "overlap")


def test_skip_sees_the_runs_before_it_in_the_same_batch(desk: Desk) -> None:
    planned = desk.plan(*(desk.new(fire_time=NOON + n, overlap=Overlap.SKIP) for n in range(3)))
    assert [run.state for run in planned] == ["queued", "skipped", "skipped"]


def test_other_tasks_do_not_matter(desk: Desk) -> None:
    desk.running("other", fire_time=NOON)
    (planned,) = desk.plan(desk.new(fire_time=NOON, overlap=Overlap.SKIP))
    assert planned.state is State.QUEUED


def test_ended_runs_do_not_block_an_occurrence(desk: Desk) -> None:
    desk.ended(fire_time=NOON)
    (planned,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP))
    assert planned.state is State.QUEUED


def test_skip_sees_a_run_that_was_planned_to_run_beside_others(desk: Desk) -> None:
    desk.plan(desk.new(fire_time=NOON, overlap=Overlap.ALLOW))
    (planned,) = desk.plan(desk.new(fire_time=NOON + 1, overlap=Overlap.SKIP))
    assert planned.state is State.SKIPPED


def test_queue_keeps_as_many_as_its_limit(desk: Desk) -> None:
    desk.running(fire_time=NOON, overlap=Overlap.QUEUE)
    planned = desk.plan(
        *(desk.new(fire_time=NOON + n, overlap=Overlap.QUEUE, queue_limit=2) for n in range(1, 5))
    )
    assert [run.state for run in planned] == ["queued", "queued", "skipped", "skipped"]
    assert "queue_limit=2" in planned[2].reason.text
    assert desk.run(planned[2].run_id).reason_code is ReasonCode.QUEUE_LIMIT


def test_replace_cancels_what_waits_and_asks_what_runs(desk: Desk) -> None:
    running = desk.running(fire_time=NOON, overlap=Overlap.REPLACE)
    waiting = desk.new(fire_time=NOON + 1, overlap=Overlap.ALLOW)
    desk.plan(waiting)
    now = desk.clock.move(1)
    desk.plan(desk.new(fire_time=NOON + 2, overlap=Overlap.REPLACE))
    assert desk.states() == ["running", "cancelled", "queued"]
    assert "replaced by the run of 2026" in (desk.run(running.run_id).cancel_requested or "")
    assert "replaced by the run of 2026" in desk.run(waiting.id).reason
    assert desk.run(waiting.id).finished_at == now
    assert desk.run(waiting.id).reason_code is ReasonCode.REPLACED


def test_replace_within_a_batch_leaves_the_last(desk: Desk) -> None:
    new = [desk.new(fire_time=NOON + n, overlap=Overlap.REPLACE) for n in range(3)]
    planned = desk.plan(*new)
    assert [run.state for run in planned] == ["cancelled", "cancelled", "queued"]
    assert desk.states() == ["cancelled", "cancelled", "queued"]
    assert desk.run(new[0].id).finished_at == NOON


def test_allow_runs_beside(desk: Desk) -> None:
    desk.running(fire_time=NOON)
    (planned,) = desk.plan(desk.new(fire_time=NOON + 1))
    assert planned.state is State.QUEUED


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.REPLACE])
def test_only_runs_with_the_same_overlap_key_matter(desk: Desk, overlap: Overlap) -> None:
    def at(second: int, key: str | None) -> NewRun:
        return desk.new(fire_time=NOON + second, overlap=overlap, overlap_key=key)

    desk.register(record("t"))
    running = at(0, "a")
    desk.plan(running)
    desk.claim()
    planned = desk.plan(at(1, "b"), at(2, None))
    assert [run.state for run in planned] == ["queued", "queued"]
    assert desk.run(running.id).cancel_requested is None
    (same,) = desk.plan(at(3, "a"))
    others = [desk.run(run.run_id).state for run in planned]
    assert others == ["queued", "queued"]
    assert same.state == ("skipped" if overlap is Overlap.SKIP else "queued")
    assert (desk.run(running.id).cancel_requested is None) is (overlap is not Overlap.REPLACE)


def test_runs_with_one_overlap_key_in_a_batch_see_each_other_alone(desk: Desk) -> None:
    planned = desk.plan(
        *(
            desk.new(fire_time=NOON + n, overlap=Overlap.SKIP, overlap_key=key)
            for n, key in enumerate(["a", "b", "a", None, None])
        )
    )
    assert [run.state for run in planned] == ["queued", "queued", "skipped", "queued", "skipped"]


def test_a_manual_start_is_never_skipped(desk: Desk) -> None:
    desk.running(fire_time=NOON, overlap=Overlap.SKIP)
    (planned,) = desk.plan(desk.new(overlap=Overlap.SKIP))
    assert planned.state is State.QUEUED


def test_a_manual_start_in_the_batch_is_seen(desk: Desk) -> None:
    planned = desk.plan(
        desk.new(overlap=Overlap.SKIP), desk.new(fire_time=NOON, overlap=Overlap.SKIP)
    )
    assert [run.state for run in planned] == ["queued", "skipped"]
    assert "started manually" in planned[1].reason.text


def test_a_caught_up_run_waits_for_its_turn(desk: Desk) -> None:
    late = [desk.new(fire_time=NOON - n, overlap=Overlap.SKIP, caught_up=True) for n in (3, 2, 1)]
    planned = desk.plan(*late, desk.new(fire_time=NOON, overlap=Overlap.SKIP))
    assert [run.state for run in planned] == ["queued", "queued", "queued", "skipped"]


def test_only_what_may_run_beside_others_is_not_exclusive(desk: Desk) -> None:
    for number, overlap in enumerate(Overlap):
        (planned,) = desk.plan(desk.new(f"t{number}", fire_time=NOON, overlap=overlap))
        assert desk.run(planned.run_id).exclusive == (overlap is not Overlap.ALLOW)


def limited(desk: Desk, *seconds: int, **changes: Any) -> list[NewRun]:
    """Occurrences of a task that may run once at a time, beside others."""
    bound = {"queue_limit": 2, "max_running": 1, "limits": "max_running=1", **changes}
    return [desk.new(fire_time=NOON + second, **bound) for second in seconds]


def test_as_many_wait_for_a_limit_as_may(desk: Desk) -> None:
    desk.running(fire_time=NOON)
    planned = desk.plan(*limited(desk, 1, 2, 3, 4))
    assert [run.state for run in planned] == ["queued", "queued", "skipped", "skipped"]
    assert planned[2].reason.text == "2 already waited for max_running=1 (queue_limit=2)"
    assert planned[2].reason.code is ReasonCode.QUEUE_LIMIT


def test_what_is_about_to_start_does_not_wait_for_a_limit(desk: Desk) -> None:
    planned = desk.plan(*limited(desk, 1, 2, 3, 4, queue_limit=1))
    assert [run.state for run in planned] == ["queued", "queued", "skipped", "skipped"]


def test_a_manual_start_waits_for_a_limit_however_many_do(desk: Desk) -> None:
    desk.running(fire_time=NOON)
    desk.plan(*limited(desk, 1, 2))
    (planned,) = desk.plan(desk.new(queue_limit=2, max_running=1))
    assert planned.state is State.QUEUED


def test_without_a_bound_any_number_waits_beside_others(desk: Desk) -> None:
    desk.running(fire_time=NOON)
    planned = desk.plan(*(desk.new(fire_time=NOON + n) for n in range(1, 300)))
    assert {run.state for run in planned} == {State.QUEUED}


# --- planned_until ------------------------------------------------------------------------------


def test_cursors_move_forward_and_never_back(desk: Desk) -> None:
    desk.register(record("a"), record("b"))
    desk.plan(planned_until={"a": NOON + 10, "b": NOON + 20, "unknown": NOON})
    desk.plan(planned_until={"a": NOON + 5, "b": NOON + 30})
    assert desk.history.task("a").planned_until == NOON + 10
    assert desk.history.task("b").planned_until == NOON + 30


def test_cursor_and_rows_are_one(desk: Desk) -> None:
    desk.register(record())
    desk.plan(desk.new(fire_time=NOON + 1), planned_until={"t": NOON + 1})
    assert (desk.history.task("t").planned_until, desk.states()) == (NOON + 1, ["queued"])


def test_planning_an_empty_batch_changes_nothing(desk: Desk) -> None:
    assert desk.plan() == []
