"""Many runs in few rows: what failed, what went on when, how many there are."""

from __future__ import annotations

from rota.core.outcome import LONGEST_KIND
from rota.core.ports.records import Failures, RunSpanAggregate, StateCount
from rota.core.reasons import WAITS, ReasonCode
from rota.core.run import State, failure_kind
from rota.core.time import DAY, HOUR, MINUTE
from tests.conformance.ledger.desk import NOON, Desk

HOURLY = {"since": NOON, "until": NOON + DAY, "slice": HOUR}


def failed(desk: Desk, reason: str, task_id: str = "t", state: State = State.FAILED) -> str:
    claim = desk.running(task_id)
    desk.settle(desk.ending(claim, state, reason=reason))
    return claim.run_id


def test_failures_are_summed_up_by_task_kind_and_time(desk: Desk) -> None:
    failed(desk, "ValueError: one")
    desk.clock.move(60)
    second = failed(desk, "ValueError: two: three")
    other = failed(desk, "ValueError: one", "other")
    desk.clock.move(7200)
    late = failed(desk, "ValueError: one")
    lost = failed(desk, "its node is gone", state=State.LOST)
    desk.ended()  # went well
    minute, end = NOON + MINUTE, NOON + 121 * MINUTE
    assert sorted(desk.history.failures(**HOURLY)) == [
        Failures(0, "other", "ValueError", 1, minute, minute, other, "ValueError: one"),
        Failures(0, "t", "ValueError", 2, NOON, minute, second, "ValueError: two: three"),
        Failures(2, "t", "ValueError", 1, end, end, late, "ValueError: one"),
        Failures(2, "t", "its node is gone", 1, end, end, lost, "its node is gone"),
    ]
    found = desk.history.failures(minute, end, HOUR)
    assert sum(one.runs for one in found) == 2  # `since` inclusive, `until` exclusive


def test_the_kind_of_a_failure_is_that_of_the_core(desk: Desk) -> None:
    reasons = [
        "KeyError",
        "OSError: [Errno 28] No space: left",
        ": nothing before",
        "no:colon with a space",
        "Größe: zu groß",
        "x" * (LONGEST_KIND + 9),
        "y" * (LONGEST_KIND + 9) + ": z",
        "",
    ]
    for number, reason in enumerate(reasons):
        failed(desk, reason, f"t{number}")
    kinds = {one.task_id: one.kind for one in desk.history.failures(**HOURLY)}
    expected = [failure_kind(None, None, reason) for reason in reasons]
    assert kinds == {f"t{number}": kind for number, kind in enumerate(expected)}


def test_a_failure_is_grouped_by_its_code_or_the_type_of_its_exception(desk: Desk) -> None:
    error, types = "one: two", ("app.errors.PaymentError", None, "")
    codes = [None, *(code for code in ReasonCode if code not in WAITS)]
    given = [(error_type, code) for error_type in types for code in codes]
    for number, (error_type, code) in enumerate(given):
        claim = desk.running(f"t{number}")
        end = desk.ending(claim, State.FAILED, error, code, error_type=error_type)
        assert desk.settle(end) == []
        run = desk.run(claim.run_id)
        assert run.failure_kind == failure_kind(error_type, code, error)
    kinds = {one.task_id: one.kind for one in desk.history.failures(**HOURLY)}
    expected = [failure_kind(error_type, code, error) for error_type, code in given]
    assert kinds == {f"t{number}": kind for number, kind in enumerate(expected)}
    assert {"app.errors.PaymentError", "one", "timed_out", "total_timeout"} <= set(expected)


def test_runs_are_bundled_by_the_slices_they_began_and_ended_in(desk: Desk) -> None:
    first, second = desk.running(), desk.running()
    desk.clock.move(600)
    desk.settle(*(desk.ending(claim, started_at=NOON) for claim in (first, second)))
    long = desk.running()
    desk.clock.move(7200)
    desk.settle(desk.ending(long, started_at=NOON + 10 * MINUTE))
    desk.running()  # has not ended
    desk.plan(desk.new(task_id="waits"))  # nor begun
    assert sorted(desk.history.bundles(**HOURLY)) == [
        RunSpanAggregate(
            "t", State.SUCCEEDED, 0, 0, 2, NOON, NOON + 10 * MINUTE, 0, 20 * MINUTE, second.run_id
        ),
        RunSpanAggregate(
            "t",
            State.SUCCEEDED,
            0,
            2,
            1,
            NOON + 10 * MINUTE,
            NOON + 130 * MINUTE,
            10 * MINUTE,
            130 * MINUTE,
            long.run_id,
        ),
    ]


def test_a_run_that_began_before_the_span_is_cut_at_its_beginning(desk: Desk) -> None:
    claim = desk.running()
    desk.clock.move(7200)
    desk.settle(desk.ending(claim, started_at=NOON))
    since = NOON + HOUR + 30 * MINUTE
    (bundle,) = desk.history.bundles(since, NOON + 3 * HOUR, MINUTE)
    assert (bundle.first, bundle.last) == (since, NOON + 2 * HOUR)
    assert (bundle.began, bundle.ended, bundle.begins, bundle.ends) == (0, 30, 0, 30 * MINUTE)
    assert desk.history.bundles(since, NOON + 2 * HOUR, MINUTE) == []  # `until` is exclusive
    assert desk.history.bundles(NOON + 2 * HOUR, NOON + 3 * HOUR, MINUTE) != []


def test_a_run_whose_clock_was_set_back_took_no_time(desk: Desk) -> None:
    claim = desk.running()
    ending = desk.ending(claim)
    early = ending.attempt._replace(finished_at=NOON - MINUTE)
    desk.settle(ending._replace(attempt=early))
    (bundle,) = desk.history.bundles(NOON - HOUR, NOON + HOUR, HOUR)
    assert (bundle.began, bundle.ended, bundle.ends - bundle.begins) == (1, 1, 0)


def test_a_run_that_never_started_counts_at_its_fire_time(desk: Desk) -> None:
    due = NOON + 90 * MINUTE
    desk.plan(desk.new(fire_time=due, state=State.MISSED, reason="nobody was up"))
    (bundle,) = desk.history.bundles(**HOURLY)
    assert (bundle.state, bundle.began, bundle.ended) == (State.MISSED, 1, 1)
    assert (bundle.first, bundle.last) == (due, due)


def test_runs_are_counted_by_their_time_and_state(desk: Desk) -> None:
    desk.plan(*(desk.new(fire_time=NOON + minutes * MINUTE) for minutes in (0, 59, 60)))
    desk.ended("manually")
    desk.plan(desk.new(fire_time=NOON - MINUTE), desk.new(fire_time=NOON + DAY))
    assert sorted(desk.history.tallies(**HOURLY)) == [
        StateCount(0, State.QUEUED, 2),
        StateCount(0, State.SUCCEEDED, 1),
        StateCount(1, State.QUEUED, 1),
    ]
