"""What a run becomes when an attempt has ended."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.core import retry
from rota.core.lifecycle import TRANSITIONS, Settlement, never_begun, settle
from rota.core.outcome import Outcome, OutcomeKind, TaskVerdict, VerdictKind, failure, timed_out
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import ACTIVE, FINAL, State
from rota.core.task import OnCrash, Policy
from rota.core.time import SECOND, seconds

NOW = 1_700_000_000 * SECOND
FAILED = Outcome(OutcomeKind.FAILED, error="ValueError: no", error_types=("ValueError",))


def settled(
    outcome: Outcome,
    policy: Policy = Policy(),  # noqa: B008  # frozen
    failures: int = 0,
    crashes: int = 0,
    cancel_reason: str | None = None,
    handed_back: str | None = None,
) -> Settlement:
    return settle(
        outcome,
        run_id="R",
        failures=failures,
        crashes=crashes,
        policy=policy,
        now=NOW,
        cancel_reason=cancel_reason,
        handed_back=handed_back,
    )


def test_success_ends_the_run_with_its_result() -> None:
    end = settled(Outcome(OutcomeKind.SUCCEEDED, result=[1]), cancel_reason="too late")
    assert (end.state, end.result) == (State.SUCCEEDED, [1])


def test_failure_waits_for_its_retry_until_none_is_left() -> None:
    policy = Policy(max_retries=2, retry_delay=10)
    first = settled(FAILED, policy)
    assert first.state is State.SCHEDULED
    assert first.reason.text == "retry 1 of 2 after ValueError: no"
    assert first.available_at is not None
    assert NOW + seconds(5) <= first.available_at <= NOW + seconds(10)
    assert settled(FAILED, policy, failures=1).state is State.SCHEDULED
    last = settled(FAILED, policy, failures=2)
    assert (last.state, last.reason.text, last.failures) == (State.FAILED, "ValueError: no", 3)


def test_retry_on_and_no_retry_on_name_exceptions() -> None:
    assert settled(FAILED, Policy(retry_on=("KeyError",))).state is State.FAILED
    assert settled(FAILED, Policy(retry_on=("ValueError",))).state is State.SCHEDULED
    assert settled(FAILED, Policy(no_retry_on=("ValueError",))).state is State.FAILED


def test_subclasses_of_a_named_exception_count() -> None:
    outcome = failure(FileNotFoundError("x"))
    assert settled(outcome, Policy(retry_on=("builtins.OSError",))).state is State.SCHEDULED


@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.TIMED_OUT, OutcomeKind.CANCELLED])
def test_a_run_whose_cancellation_was_requested_is_not_retried(kind: OutcomeKind) -> None:
    end = settled(Outcome(kind), cancel_reason="manually")
    assert (end.state, end.reason.text) == (State.CANCELLED, "manually")


def test_a_failed_run_keeps_the_type_of_its_exception() -> None:
    class OwnError(ValueError):
        pass

    def kept(outcome: Outcome, max_retries: int = 0) -> str | None:
        return settled(outcome, Policy(max_retries=max_retries)).error_type

    assert kept(failure(KeyError("a: b"))) == "KeyError"
    assert kept(failure(OwnError())) == f"{__name__}.{OwnError.__qualname__}"
    assert kept(Outcome(OutcomeKind.CANCELLED)) == "asyncio.exceptions.CancelledError"
    assert kept(timed_out(FAILED, 3)) is None  # its code says it
    assert kept(failure(KeyError("a")), max_retries=1) is None  # it has not failed yet


def test_attempt_that_cancelled_itself_has_failed() -> None:
    assert settled(Outcome(OutcomeKind.CANCELLED)).state is State.SCHEDULED


def test_crash_runs_again_without_using_up_retries() -> None:
    end = settled(Outcome(OutcomeKind.CRASHED, error="killed"), Policy(max_retries=0))
    assert (end.state, end.failures, end.crashes) == (State.QUEUED, 0, 1)


def test_crash_is_lost_where_effects_must_be_at_most_once() -> None:
    end = settled(Outcome(OutcomeKind.CRASHED), Policy(on_crash=OnCrash.LOSE))
    assert end.state is State.LOST


def test_task_that_kills_its_worker_again_and_again_is_quarantined() -> None:
    end = settled(Outcome(OutcomeKind.CRASHED, error="SIGSEGV"), Policy(max_crashes=3), crashes=2)
    assert end.state is State.FAILED
    assert end.reason.text == "quarantined after 3 crashes (max_crashes=3): SIGSEGV"


def test_handed_back_at_shutdown_counts_as_nothing() -> None:
    end = settled(Outcome(OutcomeKind.CANCELLED), handed_back="node a stops")
    assert (end.state, end.reason.text, end.failures, end.crashes) == (
        State.QUEUED,
        "node a stops",
        0,
        0,
    )
    lose = Policy(on_crash=OnCrash.LOSE)
    assert settled(Outcome(OutcomeKind.CANCELLED), lose, handed_back="x").state is State.LOST


def test_a_cancelled_run_is_not_handed_back() -> None:
    end = settled(Outcome(OutcomeKind.CANCELLED), cancel_reason="harmful", handed_back="x")
    assert (end.state, end.reason.text) == (State.CANCELLED, "harmful")


def test_final_states_lead_nowhere_and_active_ones_somewhere() -> None:
    assert set(TRANSITIONS) - {None} == ACTIVE
    assert all(not TRANSITIONS.get(state) for state in FINAL)


@given(
    kind=st.sampled_from(OutcomeKind),
    failures=st.integers(0, 6),
    crashes=st.integers(0, 6),
    retries=st.integers(0, 5),
    on_crash=st.sampled_from(OnCrash),
    cancel=st.none() | st.just("manually"),
    back=st.none() | st.just("stops"),
)
def test_every_settlement_is_a_transition_of_the_machine(
    kind: OutcomeKind,
    failures: int,
    crashes: int,
    retries: int,
    on_crash: OnCrash,
    cancel: str | None,
    back: str | None,
) -> None:
    end = settled(
        Outcome(kind),
        Policy(max_retries=retries, on_crash=on_crash),
        failures,
        crashes,
        cancel,
        back,
    )
    assert end.state in TRANSITIONS[State.RUNNING]
    assert (end.available_at is not None) == (end.state in ACTIVE)
    assert end.failures in (failures, failures + 1)
    assert (end.state is State.SUCCEEDED) == (kind is OutcomeKind.SUCCEEDED)


@given(failures=st.integers(1, 200), run=st.text(min_size=1, max_size=8))
def test_back_off_grows_to_its_cap_and_is_the_same_everywhere(failures: int, run: str) -> None:
    policy = Policy(retry_delay=1, retry_backoff=2, retry_max_delay=60)
    wait = retry.delay(policy, run, failures)
    full = min(2.0 ** min(failures - 1, 60), 60)
    assert seconds(full / 2) <= wait <= seconds(full)
    assert wait == retry.delay(policy, run, failures)


@pytest.mark.parametrize("cancel_reason", [None, "manually"])
def test_what_never_began_counts_for_nothing(cancel_reason: str | None) -> None:
    settlement = never_begun("why", failures=1, crashes=2, now=NOW, cancel_reason=cancel_reason)
    assert (settlement.failures, settlement.crashes) == (1, 2)
    if cancel_reason is None:
        assert settlement == Settlement(
            State.QUEUED,
            RunReason(ReasonCode.NEVER_BEGUN, "why"),
            1,
            2,
            available_at=NOW,
        )
    else:
        assert (settlement.state, settlement.reason.text) == (State.CANCELLED, "manually")


def says(kind: VerdictKind, **changes: Any) -> Outcome:
    verdict = TaskVerdict(kind, "so it is", **changes)
    if kind is VerdictKind.SKIP:
        return Outcome(OutcomeKind.SUCCEEDED, verdict=verdict)
    return FAILED._replace(verdict=verdict)


def test_a_task_that_skips_its_run_ends_it_and_one_that_fails_it_is_not_retried() -> None:
    skipped = settled(says(VerdictKind.SKIP))
    assert (skipped.state, skipped.reason.text, skipped.reason.code) == (
        State.SKIPPED,
        "so it is",
        ReasonCode.TASK,
    )
    failed = settled(says(VerdictKind.FAIL), Policy(max_retries=5))
    assert (failed.state, failed.reason.text, failed.reason.code) == (
        State.FAILED,
        "so it is",
        ReasonCode.TASK_FAILED,
    )
    assert failed.failures == 1


def test_a_task_that_asks_for_a_retry_gets_it_when_it_says_as_often_as_there_are_retries() -> None:
    ask, policy = says(VerdictKind.RETRY, after=60), Policy(max_retries=1, retry_on=("KeyError",))
    waits = settled(ask, policy)
    assert (waits.state, waits.available_at) == (State.SCHEDULED, NOW + seconds(60))
    assert waits.reason.text == "retry 1 of 1 after so it is"
    assert settled(ask, policy, failures=1).state is State.FAILED


@pytest.mark.parametrize(("attempt", "failures", "crashes"), [(1, 0, 0), (100, 0, 0), (103, 2, 1)])
def test_a_free_retry_counts_as_no_failure(attempt: int, failures: int, crashes: int) -> None:
    ask = says(VerdictKind.RETRY, after=1, is_free=True)
    waits = settle(
        ask,
        run_id="R",
        attempt=attempt,
        failures=failures,
        crashes=crashes,
        policy=Policy(max_retries=0),
        now=NOW,
    )
    assert (waits.state, waits.failures, waits.crashes) == (State.SCHEDULED, failures, crashes)
    assert waits.reason.text.startswith(f"free retry {attempt - failures - crashes} of 100 after")


def test_the_hundred_and_first_free_retry_counts() -> None:
    ask = says(VerdictKind.RETRY, is_free=True)
    end = settle(ask, run_id="R", attempt=101, failures=0, crashes=0, policy=Policy(0), now=NOW)
    assert (end.state, end.failures) == (State.FAILED, 1)


def test_a_cancelled_run_is_cancelled_whatever_the_task_asks_for() -> None:
    ask = says(VerdictKind.RETRY, is_free=True)
    assert settled(ask, cancel_reason="by ada").state is State.CANCELLED


def test_delays_in_a_list_are_kept_to_and_the_last_one_repeats() -> None:
    policy = Policy(retry_delay=(1, 5, 60), max_retries=9)
    waits = [settled(FAILED, policy, failures=before).available_at for before in range(5)]
    assert waits == [NOW + seconds(delay) for delay in (1, 5, 60, 60, 60)]


def test_no_retry_is_made_for_which_the_total_time_leaves_none() -> None:
    policy = Policy(retry_delay=(10,), total_timeout=100)
    common: Any = {"run_id": "R", "failures": 0, "crashes": 0, "policy": policy, "now": NOW}
    assert settle(FAILED, **common, time_up=NOW + seconds(11)).state is State.SCHEDULED
    for left in (10, 0, -5):
        end = settle(FAILED, **common, time_up=NOW + seconds(left))
        assert (end.state, end.reason.code) == (State.FAILED, ReasonCode.TOTAL_TIMEOUT)
        assert "total_timeout=100 s would be over" in end.reason.text
    late = timed_out(FAILED, 100, total=True)
    end = settle(late, **common, time_up=NOW)
    assert (end.state, end.reason.code) == (State.FAILED, ReasonCode.TOTAL_TIMEOUT)
    assert end.reason.text == "timed out after 100 s over all attempts (total_timeout)"
