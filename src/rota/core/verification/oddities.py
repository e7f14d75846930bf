"""Checks a run's row alone: which of its values are impossible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rota.core.reasons import ReasonCode
from rota.core.run import FINAL, WAITING, Cause, State
from rota.core.time import SECOND, Instant, to_iso
from rota.core.trigger import LEAD
from rota.core.verification.findings import Code, Finding
from rota.core.verification.rules import RuleSpan

APART: Instant = 2 * SECOND
"""The difference between two nodes' clocks, or the step of one clock, that is not reported."""

_UNFINISHED = {*WAITING, State.RUNNING}
_FIRST_TRY = {State.RUNNING, State.SUCCEEDED, State.FAILED}
_UNDONE = {State.MISSED, State.SKIPPED}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the ledger says of a run, unchanged."""

    id: str
    task_id: str
    fire_time: Instant | None
    cause: str
    state: str
    attempt: int
    failures: int
    crashes: int
    count: int
    available_at: Instant
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    attempt_started_at: Instant | None
    node: str | None
    fence: int
    reason_code: str | None
    attempts: int  # rows of ended ones
    last_attempt: int  # the highest of their numbers


def check_run(run: RunFacts, blind: Sequence[RuleSpan]) -> Iterator[Finding]:
    """Yield the impossible values; times from clocks while they were wrong prove nothing."""
    if wrong := _unreadable(run):
        text = f"Its {wrong} is no valid number."
        yield Finding(Code.IMPOSSIBLE, run.task_id, text, run.id)
        return
    for code, text in (
        *_words(run),
        *_starts(run),
        *_attempts(run),
        *(() if _is_blind(run, blind) else _times(run)),
    ):
        yield Finding(code, run.task_id, text, run.id, run.fire_time)


_NUMBERS = ("attempt", "failures", "crashes", "count", "fence", "available_at", "created_at")
_MAYBE = ("fire_time", "started_at", "finished_at", "attempt_started_at")
_NO_LONGER_DUE = FINAL - _FIRST_TRY
"""For these, nothing is read from `available_at`. A waiting run in which it is damaged can only be
cancelled, and is settled then."""
LARGEST = 250_000_000_000_000_000
"""Microseconds: the year 9892, and more than anything counts."""


def _unreadable(run: RunFacts) -> str | None:
    """Return which of a run's numbers is not a number, as in a damaged row."""
    for name in (*_NUMBERS, *_MAYBE):
        value = getattr(run, name)
        if value is None and name in _MAYBE:
            continue
        if name == "available_at" and run.state in _NO_LONGER_DUE:
            continue
        if not isinstance(value, int) or abs(value) > LARGEST:
            return name
    return None


def _words(run: RunFacts) -> Iterator[tuple[Code, str]]:
    if run.state not in set(State):
        yield Code.IMPOSSIBLE, f"It is {run.state!r}, which is no state."
    if run.cause not in set(Cause):
        yield Code.IMPOSSIBLE, f"Its cause is {run.cause!r}, which is unknown."
    if run.cause == Cause.SCHEDULE and run.fire_time is None:
        yield Code.IMPOSSIBLE, "The schedule made it, but for no instant."
    if run.count < 1:
        yield Code.IMPOSSIBLE, f"It covers {run.count} occurrences."
    if run.count > 1 and (run.state not in _UNDONE or run.attempt):
        text = f"It is {run.state} and covers {run.count} occurrences; only what never ran does."
        yield Code.IMPOSSIBLE, text
    if run.state in _UNFINISHED and run.finished_at is not None:
        yield Code.IMPOSSIBLE, f"It is {run.state} and has ended."
    if run.state in FINAL and run.finished_at is None:
        yield Code.IMPOSSIBLE, f"It is {run.state} and has no end."
    if run.state == State.RUNNING and run.node is None:
        yield Code.IMPOSSIBLE, "It is running on no node."


def _starts(run: RunFacts) -> Iterator[tuple[Code, str]]:
    has_started = run.started_at is not None and run.attempt > 0
    if run.state == State.FAILED and run.reason_code == ReasonCode.UNSTARTABLE:
        return  # with or without an attempt
    if run.state in (State.SUCCEEDED, State.FAILED, State.LOST, State.RUNNING) and not has_started:
        yield Code.UNSTARTED, f"It is {run.state} and never started."
    elif (run.started_at is None) != (run.attempt == 0):
        yield Code.UNSTARTED, f"It has begun {run.attempt} attempts, but its start says otherwise."


def _attempts(run: RunFacts) -> Iterator[tuple[Code, str]]:
    # Each attempt takes a lease, and each node that is declared gone makes one more void.
    if not run.attempt <= run.fence <= 2 * run.attempt:
        text = f"Its fence is {run.fence}, which {run.attempt} attempts cannot have made it."
        yield Code.FENCE, text
    if run.failures + run.crashes > run.attempt:
        text = f"{run.failures} failures and {run.crashes} crashes in {run.attempt} attempts."
        yield Code.ATTEMPTS, text
    unended = run.state in (State.RUNNING, State.SUCCEEDED)
    expected = max(run.attempt - unended, 0)
    if run.attempts == expected and run.last_attempt != expected:
        text = f"Its {expected} attempts are numbered up to {run.last_attempt}."
        yield Code.ATTEMPTS, text
    if run.attempts != expected:
        text = f"It has begun {run.attempt} attempts and is {run.state}:"
        yield Code.ATTEMPTS, f"{text} {expected} should be on record, and {run.attempts} are."


def _times(run: RunFacts) -> Iterator[tuple[Code, str]]:
    due = run.fire_time
    if run.state in _FIRST_TRY and run.attempt == 1:
        due = max(run.available_at, due or run.available_at)
    if run.started_at is not None and due is not None and run.started_at < due - LEAD:
        early = (due - run.started_at) / SECOND
        yield Code.EARLY, f"It started {early:g} s before {to_iso(due)}, its time."
    begun = run.created_at if run.started_at is None else run.started_at
    if run.finished_at is not None and run.finished_at < begun - APART:
        text = f"It ended at {to_iso(run.finished_at)}, before it began at {to_iso(begun)}."
        yield Code.BACKWARDS, text


def _is_blind(run: RunFacts, blind: Sequence[RuleSpan]) -> bool:
    times = (run.fire_time, run.created_at, run.started_at, run.finished_at)
    return any(
        span.first <= time <= span.last for time in times if time is not None for span in blind
    )
