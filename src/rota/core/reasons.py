"""Why a run is in its state, as a word for programs; the reason says the same to people."""

from __future__ import annotations

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why a run is where it is. A run that succeeded has none.

    Nothing is guessed from a state or from the words of a reason: whoever writes a reason writes
    its code beside it.
    """

    # scheduled
    RETRY = "retry"
    JITTER = "jitter"
    RUN_AT = "run_at"
    # queued
    VERDICT = "verdict"
    # queued
    CAUGHT_UP = "caught_up"
    # queued again, or lost
    CRASHED = "crashed"
    HANDED_BACK = "handed_back"
    NEVER_BEGUN = "never_begun"
    # skipped
    OVERLAP = "overlap"
    QUEUE_LIMIT = "queue_limit"
    STUCK = "stuck"
    BY_HAND = "by_hand"
    # missed
    DOWNTIME = "downtime"
    BEHIND = "behind"
    CATCHUP_LIMIT = "catchup_limit"
    START_DEADLINE = "start_deadline"
    LATE_DATE = "late_date"
    FORGOTTEN = "forgotten"
    HOLE = "hole"
    # failed
    ERROR = "error"
    TIMED_OUT = "timed_out"
    NOT_RETRIED = "not_retried"
    QUARANTINED = "quarantined"
    UNSTARTABLE = "unstartable"
    # cancelled
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    REMOVED = "removed"
    # cancelled or skipped
    PAUSED = "paused"
    DISABLED = "disabled"


WAITS = frozenset({ReasonCode.CAUGHT_UP, ReasonCode.RETRY, ReasonCode.JITTER, ReasonCode.RUN_AT})
"""What a run waits for; it is kept while it runs."""

MEANINGS: dict[ReasonCode, str] = {
    ReasonCode.RETRY: "scheduled: it waits for its next attempt",
    ReasonCode.JITTER: "scheduled: it waits for its start delay (`jitter`)",
    ReasonCode.RUN_AT: "scheduled: it waits for the time that was asked for",
    ReasonCode.VERDICT: "queued: it is not known yet whether an earlier run of its task goes on",
    ReasonCode.CAUGHT_UP: "queued: it was not planned in time, and is caught up (`catchup`)",
    ReasonCode.CRASHED: "queued again, or lost: its worker died",
    ReasonCode.HANDED_BACK: "queued again, or lost: its node shut down",
    ReasonCode.NEVER_BEGUN: "queued again: it was claimed, and its attempt never began",
    ReasonCode.OVERLAP: "skipped: an earlier run of its task had not ended",
    ReasonCode.QUEUE_LIMIT: "skipped: as many as may wait did wait (`queue_limit`)",
    ReasonCode.STUCK: "skipped: an attempt that timed out did not stop",
    ReasonCode.BY_HAND: "skipped: somebody asked for that",
    ReasonCode.DOWNTIME: "missed: no node was up at its time",
    ReasonCode.BEHIND: "missed: a node was up at its time, and did not get to it in time",
    ReasonCode.CATCHUP_LIMIT: "missed: not planned in time, and too old or one of too many"
    " (`catchup_window`, `catchup_limit`)",
    ReasonCode.START_DEADLINE: "missed: it could not start in time (`start_deadline`)",
    ReasonCode.LATE_DATE: "missed: its date had passed when it was first seen",
    ReasonCode.FORGOTTEN: "missed: no node knows its task any more",
    ReasonCode.HOLE: "missed: there was no row of it, and `rota verify` found that",
    ReasonCode.ERROR: "failed: its last attempt failed",
    ReasonCode.TIMED_OUT: "failed: its last attempt timed out",
    ReasonCode.NOT_RETRIED: "failed: its error is not one to retry (`retry_on`, `no_retry_on`)",
    ReasonCode.QUARANTINED: "failed: its worker died too often (`max_crashes`)",
    ReasonCode.UNSTARTABLE: "failed: it could not be started at all",
    ReasonCode.CANCELLED: "cancelled: somebody asked for its end",
    ReasonCode.REPLACED: 'cancelled: a later run took its place (`overlap="replace"`)',
    ReasonCode.REMOVED: "cancelled: its task was removed",
    ReasonCode.PAUSED: "cancelled: its task was paused before its time",
    ReasonCode.DISABLED: "cancelled: its task was disabled before its time",
}
"""Which state a code belongs to, and what it says."""
