"""A run and its attempts, as the ledger keeps them; a line per field, times are instants."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from rota.core.outcome import LONGEST_KIND, OutcomeKind
from rota.core.reasons import ReasonCode
from rota.core.time import Instant


class State(StrEnum):
    """The state of a run."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"
    LOST = "lost"


WAITING = frozenset({State.SCHEDULED, State.QUEUED})
ACTIVE = WAITING | {State.RUNNING}
FINAL = frozenset(State) - ACTIVE


class Cause(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Run:
    """The work for one occurrence, one manual start or one replay, as the ledger keeps it."""

    id: str
    task_id: str
    fire_time: Instant | None  # None for a manual start
    cause: Cause
    state: State
    reason: str
    attempt: int  # attempts begun so far
    failures: int  # of these, the ones that failed or timed out
    crashes: int  # of these, the ones whose worker died
    count: int  # occurrences that this row covers; above 1 only in a summary of missed ones
    exclusive: bool  # never runs at the same time as another run of its task
    available_at: Instant  # not to be started before
    created_at: Instant
    started_at: Instant | None  # of the first attempt
    finished_at: Instant | None
    attempt_started_at: Instant | None
    node: str | None  # that runs it, or ran it last
    fence: int
    cancel_requested: str | None  # the requester of the cancellation, and the reason
    arguments: dict[str, Any] | None  # keyword arguments of a manual start
    result: Any
    progress: dict[str, Any] | None  # done, total, note
    peak_memory: int | None  # bytes, of the last attempt
    reason_code: ReasonCode | None = None  # what `reason` says, for programs
    priority: int = 0
    key: str | None = None  # that it was enqueued with
    options: dict[str, Any] | None = None  # in place of its task's, for this run alone
    nominal_time: Instant | None = None  # that its rule names, if a calendar moved it
    upstream: dict[str, str] | None = None  # task → run: whose ends named it
    error_type: str | None = None  # of a failed run: the exception that ended its last attempt
    replay: int | None = None  # 1..n: it does its occurrence again, or does a past one
    replay_time: Instant | None = None  # the instant of that occurrence, `fire_time` as well

    @property
    def failure_kind(self) -> str:
        """Return the kind of failure that ended the run, to group it by: see `failure_kind`."""
        return failure_kind(self.error_type, self.reason_code, self.reason)


FAILURE_CODES = frozenset(
    {
        ReasonCode.CRASHED,
        ReasonCode.HANDED_BACK,
        ReasonCode.QUARANTINED,
        ReasonCode.TASK_FAILED,
        ReasonCode.TIMED_OUT,
        ReasonCode.UNSTARTABLE,
    }
)
"""The codes that are the kind of a failure, whatever exception ended the last attempt."""


def failure_kind(error_type: str | None, code: ReasonCode | None, reason: str) -> str:
    """Return the kind of a failure: the code of its reason if that names a kind, else the type of
    the exception.

    A release before stored no type. Its rows have the text before the first ": " of their reason,
    or the whole reason, as their kind.
    """
    if code in FAILURE_CODES:
        return str(code)
    if error_type:
        return error_type
    if code is ReasonCode.TOTAL_TIMEOUT:
        return str(code)
    kind, colon, _ = reason.partition(": ")
    return (kind if kind and colon else reason)[:LONGEST_KIND]


class Attempt(NamedTuple):
    """One ended try of a run."""

    run_id: str
    number: int  # 1..n
    node: str
    started_at: Instant
    finished_at: Instant
    outcome: OutcomeKind
    error: str | None = None  # "ValueError: no such file"
    traceback: str | None = None
    peak_memory: int | None = None  # bytes


class LogLine(NamedTuple):
    """One line that an attempt logged or printed."""

    run_id: str
    attempt: int
    seq: int  # rises within the attempt, from 1
    at: Instant
    level: str  # DEBUG … CRITICAL; STDOUT and STDERR for what was printed
    logger: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a run that was done once and is not repeated by a later attempt."""

    key: str
    value: Any  # JSON: what it returned
    at: Instant  # when it was done
