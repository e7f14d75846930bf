"""The state machine of a run: which state may follow which, and what an outcome makes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from rota.core import retry
from rota.core.outcome import (
    MOST_FREE,
    Outcome,
    OutcomeKind,
    TaskVerdict,
    VerdictKind,
    error_type,
)
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import State
from rota.core.task import OnCrash, Policy
from rota.core.time import Instant, seconds

TRANSITIONS: dict[State | None, dict[State, str]] = {
    None: {
        State.QUEUED: "planned or started manually",
        State.RUNNING: "planned and claimed in one, a slot being free",
        State.SCHEDULED: "planned with a start delay",
        State.SKIPPED: "the task still ran",
        State.MISSED: "not planned in time",
    },
    State.SCHEDULED: {
        State.RUNNING: "its time came, claimed",
        State.CANCELLED: "cancelled",
        State.MISSED: "start deadline passed",
    },
    State.QUEUED: {
        State.RUNNING: "claimed with a lease",
        State.CANCELLED: "cancelled",
        State.MISSED: "start deadline passed",
    },
    State.RUNNING: {
        State.SUCCEEDED: "succeeded",
        State.FAILED: "no retry left, quarantined, or the task raised `rota.Fail`",
        State.SKIPPED: "the task raised `rota.Skip`",
        State.SCHEDULED: "failed or timed out, retry left",
        State.QUEUED: "its worker died or shut down, on_crash=restart, or it never began",
        State.LOST: "its worker died or shut down, on_crash=lose",
        State.CANCELLED: "cancelled",
    },
}
"""Every transition there is, with what causes it; a state that is no key here is final."""


class Settlement(NamedTuple):
    """What a run becomes when an attempt has ended."""

    state: State
    reason: RunReason
    failures: int
    crashes: int
    available_at: Instant | None = None  # when waiting again
    result: Any = None
    error_type: str | None = None  # of a failed run: the exception that ended its last attempt


def settle(
    outcome: Outcome,
    *,
    run_id: str,
    failures: int,
    crashes: int,
    policy: Policy,
    now: Instant,
    attempt: int = 1,
    time_up: Instant | None = None,
    cancel_reason: str | None = None,
    handed_back: str | None = None,
) -> Settlement:
    """Return what the run becomes, from how its `attempt` ended, a number from 1, and the failures
    and crashes before it.

    No attempt begins from `time_up` on: then its `total_timeout` has passed. `cancel_reason` is set
    if the cancellation was requested. `handed_back` is set if the node shuts down and hands the run
    back. An attempt that was cancelled for neither reason cancelled itself: it failed.
    """
    match outcome.kind:
        case OutcomeKind.SUCCEEDED if outcome.verdict is not None:
            skipped = RunReason(ReasonCode.TASK, outcome.verdict.reason)
            return Settlement(State.SKIPPED, skipped, failures, crashes)
        case OutcomeKind.SUCCEEDED:
            return Settlement(State.SUCCEEDED, NO_REASON, failures, crashes, None, outcome.result)
        case _ if cancel_reason is not None:
            return _cancelled(cancel_reason, failures, crashes)
        case OutcomeKind.CANCELLED if handed_back is not None:
            why = RunReason(ReasonCode.HANDED_BACK, handed_back)
            return _give_back(why, failures, crashes, policy, now)
        case OutcomeKind.CRASHED:
            return _crashed(outcome, failures, crashes + 1, policy, now)
        case _ if _is_free(outcome.verdict, attempt - 1 - failures - crashes):
            given = attempt - failures - crashes
            end = _again(outcome, run_id, f"free retry {given} of {MOST_FREE}", policy, now)
            settled = end._replace(failures=failures, crashes=crashes)
        case _:
            settled = _failed(outcome, run_id, failures + 1, crashes, policy, now)
    if time_up is not None:
        settled = _in_total_time(settled, outcome, policy, now, time_up)
    if settled.state is State.FAILED:
        return settled._replace(error_type=error_type(outcome))
    return settled


def never_begun(
    reason: str, *, failures: int, crashes: int, now: Instant, cancel_reason: str | None
) -> Settlement:
    """Return what a claimed run becomes if its attempt surely never began."""
    if cancel_reason is not None:
        return _cancelled(cancel_reason, failures, crashes)
    why = RunReason(ReasonCode.NEVER_BEGUN, reason)
    return Settlement(State.QUEUED, why, failures, crashes, available_at=now)


def _cancelled(reason: str, failures: int, crashes: int) -> Settlement:
    why = RunReason(ReasonCode.CANCELLED, reason)
    return Settlement(State.CANCELLED, why, failures, crashes)


def _give_back(
    reason: RunReason, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    if policy.on_crash is OnCrash.LOSE:
        return Settlement(State.LOST, reason, failures, crashes)
    return Settlement(State.QUEUED, reason, failures, crashes, available_at=now)


def _crashed(
    outcome: Outcome, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    why = outcome.error or "its worker died"
    if policy.on_crash is OnCrash.RESTART and crashes >= policy.max_crashes:
        why = f"quarantined after {crashes} crashes (max_crashes={policy.max_crashes}): {why}"
        return _ended(why, ReasonCode.QUARANTINED, failures, crashes)
    return _give_back(RunReason(ReasonCode.CRASHED, why), failures, crashes, policy, now)


def _failed(
    outcome: Outcome, run_id: str, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    why, is_sure = outcome.error or "the task cancelled itself", False
    match outcome.verdict:
        case TaskVerdict(kind=VerdictKind.FAIL, reason=reason):
            return _ended(reason, ReasonCode.TASK_FAILED, failures, crashes)
        case TaskVerdict(kind=VerdictKind.RETRY, reason=reason):
            why, is_sure = reason, True
    if outcome.is_final or retry.is_final(outcome):
        code = ReasonCode.ERROR if retry.is_without_result(outcome) else ReasonCode.UNSTARTABLE
        return _ended(why, code, failures, crashes)
    if failures > policy.max_retries:
        timed_out = outcome.kind is OutcomeKind.TIMED_OUT
        code = ReasonCode.TIMED_OUT if timed_out else ReasonCode.ERROR
        return _ended(why, code, failures, crashes)
    if not is_sure and not retry.is_retryable(outcome, policy):
        why = f"{why} (not retried: retry_on, no_retry_on)"
        return _ended(why, ReasonCode.NOT_RETRIED, failures, crashes)
    said = f"retry {failures} of {policy.max_retries}"
    end = _again(outcome, run_id, said, policy, now, failures=failures)
    return end._replace(crashes=crashes)


def _ended(why: str, code: ReasonCode, failures: int, crashes: int) -> Settlement:
    return Settlement(State.FAILED, RunReason(code, why), failures, crashes)


def _is_free(verdict: TaskVerdict | None, given: int) -> bool:
    """Return whether an attempt asks for another one without counting as failed, and may: those
    before that count neither as failed nor as crashed are `given`.
    """
    return verdict is not None and verdict.is_free and given < MOST_FREE


def _again(
    outcome: Outcome, run_id: str, said: str, policy: Policy, now: Instant, *, failures: int = 1
) -> Settlement:
    """Return the wait for the next attempt: as long as the task said, else its back-off."""
    verdict, why = outcome.verdict, outcome.error or "the task cancelled itself"
    wait = retry.delay(policy, run_id, failures)
    if verdict is not None:
        why, wait = verdict.reason, wait if verdict.after is None else seconds(verdict.after)
    waits = RunReason(ReasonCode.RETRY, f"{said} after {why}")
    return Settlement(State.SCHEDULED, waits, failures, 0, available_at=now + wait)


def _in_total_time(
    settled: Settlement, outcome: Outcome, policy: Policy, now: Instant, time_up: Instant
) -> Settlement:
    """Return the end of a run in place of a wait that its `total_timeout` leaves no time for."""
    why, code = outcome.error or settled.reason.text, ReasonCode.TOTAL_TIMEOUT
    if outcome.kind is OutcomeKind.TIMED_OUT and now >= time_up:
        return _ended(why, code, settled.failures, settled.crashes)
    if settled.available_at is not None and settled.available_at >= time_up:
        why = f"{why} (not retried: total_timeout={policy.total_timeout:g} s would be over)"
        return _ended(why, code, settled.failures, settled.crashes)
    return settled
