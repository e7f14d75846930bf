"""Why a run is in its state, and what is wrong with a node, a task or the ledger.

A reason is a value: a code for programs, a text for people, and a remedy. The code that finds a
problem writes the reason code; the code that shows it never reads the text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ReasonCode(StrEnum):
    """Why a run is in its state. A run that succeeded has none.

    Nothing is guessed from a state or from the words of a reason: every reason is written together
    with its code.
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
    TASK = "task"
    CALENDAR = "calendar"
    UPSTREAM = "upstream"
    # scheduled or skipped
    WINDOW = "window"
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
    TOTAL_TIMEOUT = "total_timeout"
    TASK_FAILED = "task_failed"
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


class TroubleCode(StrEnum):
    """What a diagnosis found: in `/health`, by `rota doctor`, on the Now page."""

    # of a node
    NODE_DOWN = "node_down"
    TICK_LATE = "tick_late"
    ENGINE_STANDS = "engine_stands"
    LOOP_ENDED = "loop_ended"
    LOOP_LATE = "loop_late"
    LOOP_TURN = "loop_turn"
    LOOP_BLOCKED = "loop_blocked"
    ATTEMPT_STUCK = "attempt_stuck"
    UNPLANNED = "unplanned"
    UNPLANNABLE = "unplannable"
    UNWRITTEN = "unwritten"
    CLOCKS_APART = "clocks_apart"
    LOG_HELD = "log_held"
    LOG_FLOOD = "log_flood"
    LOG_SLOW = "log_slow"
    LOG_RAISES = "log_raises"
    BROKER_AWAY = "broker_away"
    BROKER_STALLED = "broker_stalled"
    FILE_BROKEN = "file_broken"
    TASK_BROKEN = "task_broken"
    OTHER = "other"
    # of the ledger
    LEDGER_AWAY = "ledger_away"
    LEDGER_SLOW = "ledger_slow"
    LEDGER_UNREADABLE = "ledger_unreadable"
    LEDGER_UNREAD = "ledger_unread"
    LEDGER_MISSING = "ledger_missing"
    ROWS_DAMAGED = "rows_damaged"
    RECORD_UNSOUND = "record_unsound"
    # of runs that wait
    WAIT_UNKNOWN = "wait_unknown"
    WAIT_STUCK = "wait_stuck"
    WAIT_LIMIT = "wait_limit"
    WAIT_OVERLAP = "wait_overlap"
    WAIT_SLOTS = "wait_slots"
    WAIT_UNSERVED = "wait_unserved"
    WAIT_ELSEWHERE = "wait_elsewhere"
    WAIT_BEHIND = "wait_behind"
    WAIT_FREE = "wait_free"
    WAIT_STARTABLE = "wait_startable"
    # of tasks
    FILE_MISTAKES = "file_mistakes"
    NO_TASKS = "no_tasks"
    TASK_PAUSED = "task_paused"
    TASK_DISABLED = "task_disabled"
    TASK_PASSED = "task_passed"
    TASK_FINISHED = "task_finished"
    TASK_UNRESOLVED = "task_unresolved"
    TASK_OVERDUE = "task_overdue"
    EDIT_BROKEN = "edit_broken"
    EDIT_MOVED = "edit_moved"
    EDITED = "edited"
    FUNCTION_SHARED = "function_shared"
    TOO_SLOW = "too_slow"
    MEMORY_GROWS = "memory_grows"
    # of runs
    RUNS_DOUBLE = "runs_double"
    RUNS_CRASHED = "runs_crashed"
    RUNS_RETRIED = "runs_retried"
    RUNS_FAILED = "runs_failed"
    RUNS_SKIPPED = "runs_skipped"
    RUNS_MISSED = "runs_missed"
    RUNS_LOST = "runs_lost"
    RUN_LATE = "run_late"
    # of the machine
    FILE_MODES = "file_modes"
    FILE_OWNERS = "file_owners"
    DISK_MISSING = "disk_missing"
    DISK_LOW = "disk_low"
    # of nothing
    FINE = "fine"


Code = ReasonCode | TroubleCode


class Reason(NamedTuple):
    """Why something is as it is: for programs and for people, with what to do about it."""

    code: Code
    text: str
    remedy: str


WAITS = frozenset({ReasonCode.CAUGHT_UP, ReasonCode.RETRY, ReasonCode.JITTER, ReasonCode.RUN_AT})
"""What a run waits for; it is kept while it runs."""
