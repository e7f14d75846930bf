"""Tasks that run after others: their rows are written with the ends that name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rota.core.ports.records import AttemptEnd, Edits, NodeRecord, Orphan, TaskRecord
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, Run, State
from rota.core.task import Overlap, Policy
from rota.core.time import SECOND
from rota.core.verification.findings import Code, Finding
from rota.engine.upkeep.verifying import Question, verify
from tests.conformance.ledger.desk import NOON, Desk, declared_gone, record, take
from tests.conformance.ledger.test_racing import at_once


def after(task_id: str, *tasks: str, policy: Policy | None = None, **args: Any) -> TaskRecord:
    """A task that runs after others."""
    given = {"tasks": list(tasks), **args}
    rules = policy or Policy(overlap=Overlap.ALLOW)
    return record(task_id, trigger="after", trigger_args=given, policy=rules)


CHAINED = {Code.HOLE, Code.DOUBLE, Code.UNNAMED}
"""What verification says of rows that are missing, or too many."""


def odd_chains(desk: Desk) -> list[Finding]:
    """Return what verification finds in the rows of tasks that run after others."""
    asked = Question(desk.now + SECOND, 0, fresh=0, edge=0)
    found = verify(desk.history.evidence, asked)
    chained = {task.record.id for task in desk.history.tasks() if task.record.trigger == "after"}
    return [one for one in found if one.code in CHAINED and one.task_id in chained]


@pytest.fixture(autouse=True)
def sound_chains(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, every upstream end has the rows that it names, and no others are there."""
    name = next((one for one in ("desk", "two_desks") if one in request.fixturenames), None)
    lent = None if name is None else request.getfixturevalue(name)
    yield
    if lent is not None:
        assert odd_chains(lent if isinstance(lent, Desk) else lent[0]) == []


def runs_of(desk: Desk, task_id: str) -> list[Run]:
    """The runs of a task, oldest first."""
    found = desk.history.runs(newest_first=False, limit=1000).runs
    return [run for run in found if run.task_id == task_id]


def only(desk: Desk, task_id: str) -> Run:
    (run,) = runs_of(desk, task_id)
    return run


def test_a_success_names_an_occurrence_with_the_same_fire_time(desk: Desk) -> None:
    desk.register(record("extract"), after("load", "extract"))

    upstream = desk.ended("extract", fire_time=NOON - 5)

    run = only(desk, "load")
    assert (run.state, run.fire_time, run.cause) == (State.QUEUED, NOON - 5, Cause.SCHEDULE)
    assert run.upstream == {"extract": upstream.id}
    assert run.available_at == desk.now


@pytest.mark.parametrize(
    ("on", "state", "expected"),
    [
        ("success", State.SUCCEEDED, State.QUEUED),
        ("success", State.FAILED, State.SKIPPED),
        ("success", State.LOST, State.SKIPPED),
        ("success", State.CANCELLED, State.SKIPPED),
        ("failure", State.SUCCEEDED, None),
        ("failure", State.FAILED, State.QUEUED),
        ("failure", State.LOST, State.QUEUED),
        ("failure", State.CANCELLED, None),
        ("end", State.SUCCEEDED, State.QUEUED),
        ("end", State.FAILED, State.QUEUED),
        ("end", State.LOST, State.QUEUED),
        ("end", State.CANCELLED, State.QUEUED),
        ("end", State.SKIPPED, State.QUEUED),  # the task raised Skip: it has run
    ],
)
def test_on_says_which_ends_count(
    desk: Desk, on: str, state: State, expected: State | None
) -> None:
    desk.register(record("extract"), after("load", "extract", on=on))

    upstream = desk.ended("extract", state, fire_time=NOON)

    found = runs_of(desk, "load")
    assert [run.state for run in found] == ([] if expected is None else [expected])
    if expected is State.SKIPPED:
        assert found[0].reason_code is ReasonCode.UPSTREAM
        assert upstream.id in found[0].reason
        assert str(state) in found[0].reason


def test_a_retry_is_no_end(desk: Desk) -> None:
    desk.register(record("extract"), after("load", "extract"))
    claim = desk.running("extract", fire_time=NOON)

    again = desk.ending(claim, State.SCHEDULED, available_at=desk.now, reason_code=ReasonCode.RETRY)
    desk.settle(again)
    assert runs_of(desk, "load") == []

    (claim,) = desk.claim()
    desk.settle(desk.ending(claim))
    assert only(desk, "load").state is State.QUEUED


def test_a_manual_run_names_an_occurrence_by_its_id(desk: Desk) -> None:
    desk.register(record("extract"), after("load", "extract"))

    one, other = desk.ended("extract"), desk.ended("extract")

    found = runs_of(desk, "load")
    assert [run.upstream for run in found] == [{"extract": one.id}, {"extract": other.id}]
    assert {run.fire_time for run in found} == {None}


def test_a_fan_in_waits_for_all_of_its_tasks(desk: Desk) -> None:
    desk.register(record("a"), record("b"), after("report", "a", "b"))

    a = desk.ended("a", fire_time=NOON)
    desk.ended("b", fire_time=NOON + 1)
    assert runs_of(desk, "report") == []

    b = desk.ended("b", fire_time=NOON)
    run = only(desk, "report")
    assert (run.fire_time, run.state) == (NOON, State.QUEUED)
    assert run.upstream == {"a": a.id, "b": b.id}


def test_a_fan_in_is_skipped_and_says_which_task_ended_otherwise(desk: Desk) -> None:
    desk.register(record("a"), record("b"), after("report", "a", "b"))

    failed = desk.ended("a", State.FAILED, fire_time=NOON)
    desk.ended("b", fire_time=NOON)

    run = only(desk, "report")
    assert run.state is State.SKIPPED
    assert run.reason == f"a ended otherwise: its run {failed.id} is failed"


def test_any_of_several_names_one_occurrence_for_a_fire_time(desk: Desk) -> None:
    desk.register(record("a"), record("b"), after("report", "a", "b", all=False))

    desk.ended("a", State.FAILED, fire_time=NOON)
    assert runs_of(desk, "report") == []
    b = desk.ended("b", fire_time=NOON)
    desk.ended("a", fire_time=NOON + 1)
    desk.ended("b", fire_time=NOON + 1)

    assert [run.fire_time for run in runs_of(desk, "report")] == [NOON, NOON + 1]
    assert runs_of(desk, "report")[0].upstream == {"b": b.id}


def test_a_skipped_occurrence_has_tasks_after_it_too(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"), after("c", "b"))

    desk.ended("a", State.FAILED, fire_time=NOON)

    run = only(desk, "c")
    assert (run.state, run.fire_time) == (State.SKIPPED, NOON)
    assert run.reason == f"b ended otherwise: its run {only(desk, 'b').id} is skipped"


def test_what_the_planner_skips_or_misses_has_its_row_downstream(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"))

    missed = desk.new("a", NOON, state=State.MISSED, reason="long ago", occurrence_count=7)
    desk.plan(missed)

    run = only(desk, "b")
    assert (run.state, run.count, run.fire_time) == (State.SKIPPED, 7, NOON)
    assert run.reason.endswith("is missed")


def test_a_cancelled_run_ends_at_once_or_with_its_attempt(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a", on="end"))
    (planned,) = desk.plan(desk.new("a", NOON))

    desk.do(lambda tx: tx.cancel(planned.run_id, "no need", desk.now))

    assert only(desk, "b").upstream == {"a": planned.run_id}


def test_the_verdict_on_a_dead_node_ends_a_run(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a", on="failure"))
    claim = desk.running("a", fire_time=NOON, node="a")

    def lost(orphan: Orphan) -> AttemptEnd:
        return desk.ending(claim, State.LOST)

    node: list[NodeRecord] = desk.history.nodes()
    desk.do(lambda tx: tx.reap(lost, node, now=desk.now))
    desk.do(lambda tx: tx.reap(lost, now=desk.now))

    assert only(desk, "b").state is State.QUEUED


def test_a_replaced_run_is_cancelled_for_the_tasks_after_it(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a", on="end"))
    (first,) = desk.plan(desk.new("a", NOON))

    desk.plan(desk.new("a", NOON + 1, overlap=Overlap.REPLACE))

    assert only(desk, "b").upstream == {"a": first.run_id}


def test_runs_that_a_pause_took_back_are_no_ends(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"))
    far = desk.now + 10_000_000
    desk.plan(desk.new("a", far, available_at=far))

    desk.do(lambda tx: tx.pause("a", desk.now, None, ""))

    assert runs_of(desk, "b") == []


def test_a_removed_task_ends_what_waits_of_it(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a", on="end"))
    desk.plan(desk.new("a", NOON))

    desk.do(lambda tx: tx.remove("a", desk.now))

    assert only(desk, "b").state is State.QUEUED


def test_a_paused_task_has_a_row_with_the_reason(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"))
    desk.do(lambda tx: tx.pause("b", desk.now, None, "the disk is full"))

    desk.ended("a", fire_time=NOON)
    run = only(desk, "b")
    assert (run.state, run.reason_code) == (State.SKIPPED, ReasonCode.PAUSED)
    assert run.reason == "its task is paused: the disk is full"

    desk.do(lambda tx: tx.resume("b", desk.now))
    desk.ended("a", fire_time=NOON + 1)
    assert [run.state for run in runs_of(desk, "b")] == [State.SKIPPED, State.QUEUED]


def test_a_disabled_task_has_a_row_and_a_removed_one_none(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"), after("c", "a"))
    desk.do(lambda tx: tx.edit("b", Edits(enabled=False), desk.now))
    desk.do(lambda tx: tx.remove("c", desk.now))

    desk.ended("a", fire_time=NOON)

    assert only(desk, "b").reason_code is ReasonCode.DISABLED
    assert runs_of(desk, "c") == []


def test_the_bounds_of_the_trigger_and_its_exceptions_hold(desk: Desk) -> None:
    bounds: dict[str, Any] = {
        "start_date": "2026-02-02T02:00:00+00:00",
        "end_date": "2026-02-02T04:00:00+00:00",
    }
    bounds["except"] = [{"trigger": "date", "run_date": "2026-02-02T03:00:00+00:00"}]
    desk.register(record("a"), after("b", "a", **bounds))
    hour = 3_600_000_000
    two = 1_769_997_600_000_000  # 2026-02-02 02:00 UTC

    for fire_time in (two - hour, two, two + hour, two + 2 * hour, two + 3 * hour):
        desk.ended("a", fire_time=fire_time)

    assert [run.fire_time for run in runs_of(desk, "b")] == [two, two + 2 * hour]


def test_overlap_holds_for_the_task_after_others(desk: Desk) -> None:
    desk.register(
        record("a"),
        after("skips", "a", policy=Policy()),
        after("queues", "a", policy=Policy(overlap=Overlap.QUEUE, queue_limit=2)),
    )

    for n in range(4):
        desk.ended("a", fire_time=NOON + n)
    desk.ended("a")  # manually

    queued, skipped = State.QUEUED, State.SKIPPED
    assert [run.state for run in runs_of(desk, "skips")] == [queued] + [skipped] * 4
    assert [run.state for run in runs_of(desk, "queues")] == [queued, queued] + [skipped] * 3
    assert runs_of(desk, "skips")[1].reason_code is ReasonCode.OVERLAP


def test_a_task_that_runs_after_itself_never_runs(desk: Desk) -> None:
    desk.register(record("a"), after("b", "c", "a", all=False), after("c", "b"))

    desk.ended("a")

    assert runs_of(desk, "b") == runs_of(desk, "c") == []


def test_an_end_that_is_refused_names_nothing(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"))
    claim = desk.running("a", fire_time=NOON)
    declared_gone(desk, "x")

    stale = desk.ending(claim)._replace(fence=claim.fence - 1)
    assert desk.settle(stale) == [claim.run_id]
    assert runs_of(desk, "b") == []


def test_what_asks_for_no_downstream_names_nothing(desk: Desk) -> None:
    desk.register(record("a"), after("b", "a"))
    new = desk.new("a", options={"downstream": False})
    desk.do(lambda tx: tx.enqueue([new]))
    (claim,) = desk.claim(judge=take(new.id))

    desk.settle(desk.ending(claim))

    assert runs_of(desk, "b") == []


def test_two_nodes_that_end_two_tasks_at_once_make_one_row(two_desks: tuple[Desk, Desk]) -> None:
    one, other = two_desks
    one.register(record("a"), record("b"), after("report", "a", "b"))
    fire_times = range(NOON, NOON + 25)
    a = [one.running("a", fire_time=at) for at in fire_times]
    b = [one.running("b", fire_time=at) for at in fire_times]

    def end(desk: Desk, claims: list[Any]) -> list[str]:
        return [refused for claim in claims for refused in desk.settle(desk.ending(claim))]

    assert at_once(lambda: end(one, a), lambda: end(other, b)) == [[], []]

    found = runs_of(one, "report")
    assert [run.fire_time for run in sorted(found, key=lambda run: run.fire_time or 0)] == list(
        fire_times
    )
    assert {run.state for run in found} == {State.QUEUED}


def test_settlements_of_one_batch_complete_a_fan_in(desk: Desk) -> None:
    desk.register(record("a"), record("b"), after("report", "a", "b"))
    claims = [desk.running(task_id, fire_time=NOON) for task_id in ("a", "b")]

    desk.settle(*(desk.ending(claim) for claim in claims))

    assert only(desk, "report").state is State.QUEUED
