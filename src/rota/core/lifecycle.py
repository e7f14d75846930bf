"""The state machine of a run: which state may follow which, and what an outcome makes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from rota.core import retry
from rota.core.outcome import Outcome, OutcomeKind
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.task import OnCrash, Policy
from rota.core.time import Instant

TRANSITIONS: dict[State | None, dict[State, str]] = {
    None: {
        State.QUEUED: "planned or started by hand",
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
        State.FAILED: "no retry left, or quarantined",
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
    reason: str
    failures: int
    crashes: int
    available_at: Instant | None = None  # when waiting again
    result: Any = None
    reason_code: ReasonCode | None = None


def settle(
    outcome: Outcome,
    *,
    run_id: str,
    failures: int,
    crashes: int,
    policy: Policy,
    now: Instant,
    cancel_reason: str | None = None,
    handed_back: str | None = None,
) -> Settlement:
    """Return what the run becomes, from how its attempt ended and the failures and crashes before
    it.

    `cancel_reason` is set if the cancellation was requested. `handed_back` is set if the node shuts
    down and hands the run back. An attempt that was cancelled for neither reason cancelled itself:
    it failed.
    """
    match outcome.kind:
        case OutcomeKind.SUCCEEDED:
            return Settlement(State.SUCCEEDED, "", failures, crashes, result=outcome.result)
        case _ if cancel_reason is not None:
            return _cancelled(cancel_reason, failures, crashes)
        case OutcomeKind.CANCELLED if handed_back is not None:
            code = ReasonCode.HANDED_BACK
            return _give_back(handed_back, code, failures, crashes, policy, now)
        case OutcomeKind.CRASHED:
            return _crashed(outcome, failures, crashes + 1, policy, now)
        case _:
            return _failed(outcome, run_id, failures + 1, crashes, policy, now)


def never_begun(
    reason: str, *, failures: int, crashes: int, now: Instant, cancel_reason: str | None
) -> Settlement:
    """Return what a claimed run becomes if its attempt surely never began."""
    if cancel_reason is not None:
        return _cancelled(cancel_reason, failures, crashes)
    return Settlement(
        State.QUEUED,
        reason,
        failures,
        crashes,
        available_at=now,
        reason_code=ReasonCode.NEVER_BEGUN,
    )


def _cancelled(reason: str, failures: int, crashes: int) -> Settlement:
    code = ReasonCode.CANCELLED
    return Settlement(State.CANCELLED, reason, failures, crashes, reason_code=code)


def _give_back(
    reason: str, code: ReasonCode, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    if policy.on_crash is OnCrash.LOSE:
        return Settlement(State.LOST, reason, failures, crashes, reason_code=code)
    return Settlement(State.QUEUED, reason, failures, crashes, available_at=now, reason_code=code)


def _crashed(
    outcome: Outcome, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    why = outcome.error or "its worker died"
    if policy.on_crash is OnCrash.RESTART and crashes >= policy.max_crashes:
        why = f"quarantined after {crashes} crashes (max_crashes={policy.max_crashes}): {why}"
        code = ReasonCode.QUARANTINED
        return Settlement(State.FAILED, why, failures, crashes, reason_code=code)
    return _give_back(why, ReasonCode.CRASHED, failures, crashes, policy, now)


def _failed(
    outcome: Outcome, run_id: str, failures: int, crashes: int, policy: Policy, now: Instant
) -> Settlement:
    why = outcome.error or "the task cancelled itself"
    if outcome.is_final or retry.is_final(outcome):
        code = ReasonCode.ERROR if retry.is_without_result(outcome) else ReasonCode.UNSTARTABLE
        return Settlement(State.FAILED, why, failures, crashes, reason_code=code)
    if failures > policy.max_retries:
        timed_out = outcome.kind is OutcomeKind.TIMED_OUT
        code = ReasonCode.TIMED_OUT if timed_out else ReasonCode.ERROR
        return Settlement(State.FAILED, why, failures, crashes, reason_code=code)
    if not retry.is_retryable(outcome, policy):
        why = f"{why} (not retried: retry_on, no_retry_on)"
        code = ReasonCode.NOT_RETRIED
        return Settlement(State.FAILED, why, failures, crashes, reason_code=code)
    available_at = now + retry.delay(policy, run_id, failures)
    why = f"retry {failures} of {policy.max_retries} after {why}"
    return Settlement(
        State.SCHEDULED,
        why,
        failures,
        crashes,
        available_at=available_at,
        reason_code=ReasonCode.RETRY,
    )
