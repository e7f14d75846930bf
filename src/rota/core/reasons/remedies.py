"""What each code of a reason means, and what to do about it: the one table."""

from __future__ import annotations

from typing import NamedTuple

from rota.core.reasons import Code, Reason, ReasonCode, TroubleCode
from rota.core.run import Run


class Explanation(NamedTuple):
    """What a code means, and what to do about it."""

    meaning: str
    remedy: str  # {names} are filled in by the code that finds the reason


def reason(code: Code, text: str, **names: str) -> Reason:
    """Return a reason with the remedy of its code; raises KeyError if a name in it is missing."""
    return Reason(code, text, EXPLANATIONS[code].remedy.format_map(names))


def of_run(run: Run, otherwise: Code, text: str = "") -> Reason:
    """Return why a run is in its state, with `otherwise` and `text` if its row has no code or no
    text: a release before wrote it, or nothing is wrong with it."""
    return reason(run.reason_code or otherwise, run.reason or text)


EXPLANATIONS: dict[Code, Explanation] = {
    ReasonCode.RETRY: Explanation(
        "scheduled: it waits for its next attempt",
        "It starts by itself; cancel the run to give it up.",
    ),
    ReasonCode.JITTER: Explanation(
        "scheduled: it waits for its start delay (`jitter`)",
        "It starts by itself within `jitter` seconds.",
    ),
    ReasonCode.RUN_AT: Explanation(
        "scheduled: it waits for the time that was asked for",
        "It starts by itself at that time; cancel the run to give it up.",
    ),
    ReasonCode.VERDICT: Explanation(
        "queued: it is not known yet whether an earlier run of its task is still running",
        "It is decided when that node is back or its lease ends (`manager.lease_seconds`).",
    ),
    ReasonCode.CAUGHT_UP: Explanation(
        "queued: it was not planned in time, and is caught up (`catchup`)",
        'It starts by itself; `catchup="skip"` leaves out what a downtime cost.',
    ),
    ReasonCode.CRASHED: Explanation(
        "queued again, or lost: its worker died",
        "Look into its log for what ended the worker; `on_crash` decides what follows.",
    ),
    ReasonCode.HANDED_BACK: Explanation(
        "queued again, or lost: its node shut down",
        'on_crash="restart" attempts it again; `manager.shutdown_grace` gives it longer to end.',
    ),
    ReasonCode.NEVER_BEGUN: Explanation(
        "queued again: its attempt never began", "It is attempted again by itself."
    ),
    ReasonCode.OVERLAP: Explanation(
        "skipped: an earlier run of its task had not ended",
        'overlap="queue" or "allow" changes that, and so does a longer interval.',
    ),
    ReasonCode.QUEUE_LIMIT: Explanation(
        "skipped: as many as may wait did wait (`queue_limit`)",
        "Make the task faster, fire it less often, or raise `queue_limit`.",
    ),
    ReasonCode.STUCK: Explanation(
        "skipped: an attempt that timed out did not stop",
        'Look at current_run().cancelled in the task, or give it executor="process".',
    ),
    ReasonCode.BY_HAND: Explanation(
        "skipped: a user asked for that",
        "`rota run` starts it manually if it is wanted after all.",
    ),
    ReasonCode.TASK: Explanation(
        "skipped: the task raised `rota.Skip`",
        "The task itself decided that; retry the run if the reason no longer holds.",
    ),
    ReasonCode.CALENDAR: Explanation(
        "skipped: its day is no business day of its task's calendar", 'roll="next" moves it.'
    ),
    ReasonCode.WINDOW: Explanation(
        "scheduled or skipped: it was due in a maintenance window",
        "A delayed run starts by itself at the end of the window; `rota run` starts one manually.",
    ),
    ReasonCode.UPSTREAM: Explanation(
        "skipped: a task that it runs after ended otherwise (`on`)",
        "Look at the upstream run that the reason names; `rota run` starts this one manually.",
    ),
    ReasonCode.DOWNTIME: Explanation(
        "missed: no node was up at its time",
        'catchup="all" runs them after a downtime; keep `rota up` running.',
    ),
    ReasonCode.BEHIND: Explanation(
        "missed: a node was up at its time, and did not get to it in time",
        'Look at what kept the node busy then (`rota doctor`), or set catchup="all".',
    ),
    ReasonCode.CATCHUP_LIMIT: Explanation(
        "missed: planned late, too old or one of too many (`catchup_window`, `catchup_limit`)",
        "Raise `catchup_window` or `catchup_limit`, or start it manually with `rota run`.",
    ),
    ReasonCode.START_DEADLINE: Explanation(
        "missed: it could not start in time (`start_deadline`)",
        "Raise `start_deadline`, or free what it waited for: slots, limits, an earlier run.",
    ),
    ReasonCode.LATE_DATE: Explanation(
        "missed: its date had passed when it was first seen",
        "Start it manually with `rota run`, or give it another date.",
    ),
    ReasonCode.FORGOTTEN: Explanation(
        "missed: no node knows its task any more",
        "Bring the definition of the task back, and start it manually with `rota run`.",
    ),
    ReasonCode.HOLE: Explanation(
        "missed: there was no row of it, and `rota verify` found that",
        "Run it manually if it matters; `rota show` lists what its task did then.",
    ),
    ReasonCode.ERROR: Explanation(
        "failed: its last attempt failed",
        "Correct what its traceback names, then retry the run; `max_retries` retries by itself.",
    ),
    ReasonCode.TIMED_OUT: Explanation(
        "failed: its last attempt timed out",
        "Make the task faster, or raise `timeout`.",
    ),
    ReasonCode.TOTAL_TIMEOUT: Explanation(
        "failed: its attempts together took as long as they may (`total_timeout`)",
        "Make the task faster, raise `total_timeout`, or shorten `retry_delay`.",
    ),
    ReasonCode.TASK_FAILED: Explanation(
        "failed: the task raised `rota.Fail`, so it was not retried",
        "Correct what the reason names, then retry the run.",
    ),
    ReasonCode.NOT_RETRIED: Explanation(
        "failed: its error is not one to retry (`retry_on`, `no_retry_on`)",
        "Correct what its traceback names, or change `retry_on` or `no_retry_on`.",
    ),
    ReasonCode.QUARANTINED: Explanation(
        "failed: its worker died too often (`max_crashes`)",
        "Find what ends its workers (memory, a crash in native code), then retry the run.",
    ),
    ReasonCode.UNSTARTABLE: Explanation(
        "failed: it could not be started at all",
        "Correct what the reason names, the arguments or the code, then retry the run.",
    ),
    ReasonCode.CANCELLED: Explanation(
        "cancelled: a user cancelled it",
        "Retry the run if it is wanted after all.",
    ),
    ReasonCode.REPLACED: Explanation(
        'cancelled: a later run took its place (`overlap="replace"`)',
        'overlap="queue" keeps earlier runs.',
    ),
    ReasonCode.REMOVED: Explanation(
        "cancelled: its task was removed",
        "Bring the definition of the task back if it is wanted after all.",
    ),
    ReasonCode.PAUSED: Explanation(
        "cancelled or skipped: its task was paused at its time",
        "`rota resume` lets its task run again.",
    ),
    ReasonCode.DISABLED: Explanation(
        "cancelled or skipped: its task was disabled at its time",
        'Set "enabled": True to have its task run again.',
    ),
    TroubleCode.NODE_DOWN: Explanation("no node is up", "Run `rota up` and keep it running."),
    TroubleCode.TICK_LATE: Explanation(
        "the clock of a node does not tick",
        "See the log of `rota up`; restart it if the clock stays silent.",
    ),
    TroubleCode.ENGINE_STANDS: Explanation(
        "the loop that carries a whole node is blocked",
        "Look at the place that the reason names; restart the node if it stays there.",
    ),
    TroubleCode.LOOP_ENDED: Explanation(
        "a loop of a node ended, and is started again",
        "See the log of `rota up` for its traceback.",
    ),
    TroubleCode.LOOP_LATE: Explanation(
        "a loop of a node does not turn",
        "See the log of `rota up`; restart it if the loop stays silent.",
    ),
    TroubleCode.LOOP_TURN: Explanation(
        "one turn of a loop takes long",
        "See the log of `rota up`, and whether the ledger is slow.",
    ),
    TroubleCode.LOOP_BLOCKED: Explanation(
        "the code of a task blocks the loop of all coroutines",
        'Await in that place, make the function a plain one, or give it executor="process".',
    ),
    TroubleCode.ATTEMPT_STUCK: Explanation(
        "an attempt that was to stop runs on",
        'Look at current_run().cancelled there, or give the task executor="process".',
    ),
    TroubleCode.UNPLANNED: Explanation(
        "occurrences are due and have no row",
        "See the log of `rota up`; restart the node if they stay unplanned.",
    ),
    TroubleCode.UNPLANNABLE: Explanation(
        "the occurrences of a task cannot be planned",
        "Correct the trigger of the task; the others are planned.",
    ),
    TroubleCode.UNWRITTEN: Explanation(
        "attempts have ended and are not in the ledger",
        "See the log of `rota up`, and whether the ledger is slow or away.",
    ),
    TroubleCode.CLOCKS_APART: Explanation(
        "a clock differs from that of the database, or of another node",
        "Synchronise the clocks (NTP).",
    ),
    TroubleCode.LOG_HELD: Explanation(
        "a log handler does not return",
        "Correct the handler or filter, or take it from the logger: rota works on without it.",
    ),
    TroubleCode.LOG_FLOOD: Explanation(
        "log records come faster than they are taken",
        "Log less, or use a faster handler: rota drops what does not fit.",
    ),
    TroubleCode.LOG_SLOW: Explanation(
        "log records wait for long",
        "Use a faster log handler: rota works on without it.",
    ),
    TroubleCode.LOG_RAISES: Explanation(
        "a log handler raises",
        "Correct the handler or filter, or take it from the logger: rota works on without it.",
    ),
    TroubleCode.BROKER_AWAY: Explanation(
        "the distributed engine cannot be reached",
        "Start the broker, and look at `cluster.broker_url`.",
    ),
    TroubleCode.BROKER_STALLED: Explanation(
        "the distributed engine delivers nothing",
        "Look whether another program has removed its consumer, or holds its messages.",
    ),
    TroubleCode.FILE_BROKEN: Explanation(
        "a task file cannot be loaded",
        "`rota check` lists all mistakes with file and line.",
    ),
    TroubleCode.TASK_BROKEN: Explanation(
        "an edit of a task does not fit its code",
        "`rota reset` takes the edit back; the task runs by its code.",
    ),
    TroubleCode.OTHER: Explanation(
        "a node of another release says so",
        "See the log of `rota up`.",
    ),
    TroubleCode.LEDGER_AWAY: Explanation(
        "the ledger cannot be reached",
        "Start the database, or look at the disk; rota tries again by itself.",
    ),
    TroubleCode.LEDGER_SLOW: Explanation(
        "the ledger takes long to write",
        "Look at the disk or the database, and at who else uses it.",
    ),
    TroubleCode.LEDGER_UNREADABLE: Explanation(
        "the ledger cannot be read",
        "Read the message, and restore a backup if the ledger is damaged.",
    ),
    TroubleCode.LEDGER_UNREAD: Explanation(
        "the ledger did not answer in time",
        "Look at the disk or the database, and at who else uses it.",
    ),
    TroubleCode.LEDGER_MISSING: Explanation("there is no ledger yet", "`rota up` makes it."),
    TroubleCode.ROWS_DAMAGED: Explanation(
        "rows of the ledger do not hold what they must",
        "Stop what runs, make a copy of the ledger, and correct or delete the row there; or "
        "restore a backup. Then find the cause: check the disk, and who else writes to the "
        "database.",
    ),
    TroubleCode.RECORD_UNSOUND: Explanation(
        "the record and the rules do not agree",
        "`rota verify` lists every finding with its remedy.",
    ),
    TroubleCode.WAIT_UNKNOWN: Explanation(
        "due runs wait: no node knows their task",
        "Start a node whose task files define it, or cancel its runs.",
    ),
    TroubleCode.WAIT_STUCK: Explanation(
        "due runs wait: an attempt that timed out does not stop",
        'Look at current_run().cancelled there, or give the task executor="process".',
    ),
    TroubleCode.WAIT_LIMIT: Explanation(
        "due runs wait: a limit of their task or group is reached",
        "Raise that limit, or fire less often; `queue_limit` bounds what waits.",
    ),
    TroubleCode.WAIT_OVERLAP: Explanation(
        "due runs wait for an earlier run of their task",
        'Wait for its end, or set overlap="allow".',
    ),
    TroubleCode.WAIT_SLOTS: Explanation(
        "due runs wait: all slots are taken",
        "Raise manager.scheduler_thread_pool or manager.async_slots, or start another node.",
    ),
    TroubleCode.WAIT_UNSERVED: Explanation(
        "due runs wait: no node serves their queue",
        "Start a node with that queue in `cluster.queues`, or give the task another queue.",
    ),
    TroubleCode.WAIT_ELSEWHERE: Explanation(
        "due runs wait for a node that serves their queue",
        "Look at the nodes that serve the queue, or start another one with it in `cluster.queues`.",
    ),
    TroubleCode.WAIT_BEHIND: Explanation(
        "due runs wait while a node starts others, or starts no more",
        "Wait, or start another node if it lasts.",
    ),
    TroubleCode.WAIT_FREE: Explanation(
        "due runs wait, and no cause is known",
        "See the log of `rota up`, and whether a broker has the runs.",
    ),
    TroubleCode.WAIT_STARTABLE: Explanation(
        "due runs wait, and could start",
        "See the log of `rota up`.",
    ),
    TroubleCode.FILE_MISTAKES: Explanation(
        "there are mistakes in the task files",
        "`rota check` lists them all.",
    ),
    TroubleCode.NO_TASKS: Explanation("no task is defined", "`rota init` makes a first."),
    TroubleCode.TASK_PAUSED: Explanation("a task is paused", "rota resume {task}"),
    TroubleCode.TASK_DISABLED: Explanation(
        "a task is disabled",
        'Set "enabled": True, or start it with `rota run`.',
    ),
    TroubleCode.TASK_PASSED: Explanation(
        "the date of a task had passed",
        "Start it with `rota run {task}`, or give it another date.",
    ),
    TroubleCode.TASK_FINISHED: Explanation("a trigger never fires again", "Give it another time."),
    TroubleCode.TASK_UNRESOLVED: Explanation(
        "the ledger knows a task that no code defines",
        "Bring its definition back, or remove it.",
    ),
    TroubleCode.TASK_OVERDUE: Explanation(
        "a task is due, and no node plans it",
        "Start a node with `rota up`.",
    ),
    TroubleCode.EDIT_BROKEN: Explanation(
        "an edit of a task does not fit its code",
        "rota reset {task} {key}",
    ),
    TroubleCode.EDIT_MOVED: Explanation(
        "the code below an edit changed",
        "rota reset {task} {key}, or edit it again.",
    ),
    TroubleCode.EDITED: Explanation("an option of a task is edited", "rota reset {task} {key}"),
    TroubleCode.FUNCTION_SHARED: Explanation(
        "a function runs under several ids",
        "If that is not meant, remove all but one.",
    ),
    TroubleCode.TOO_SLOW: Explanation(
        "the runs of a task take longer than its interval",
        "Make it faster, fire it less often, or allow several runs of it at a time (`overlap`).",
    ),
    TroubleCode.MEMORY_GROWS: Explanation(
        "memory grows from run to run",
        'Give the suspect executor="process": then its memory is its own, and freed.',
    ),
    TroubleCode.RUNS_DOUBLE: Explanation(
        "an occurrence has two rows",
        "The ledger is damaged: restore a copy.",
    ),
    TroubleCode.RUNS_CRASHED: Explanation(
        "workers died, and their runs were attempted again",
        "Do what must not be repeated in rota.once(…), store where it is with "
        'rota.current_run().checkpoint(…), or set on_crash="lose" to have it at most once.',
    ),
    TroubleCode.RUNS_RETRIED: Explanation(
        "runs failed and were tried again",
        "`rota runs --task` shows why; max_retries=0 tries only once.",
    ),
    TroubleCode.RUNS_FAILED: Explanation("runs failed", "rota runs --state failed"),
    TroubleCode.RUNS_SKIPPED: Explanation(
        "runs were skipped",
        'overlap="queue" or "allow" changes that, and so does a longer interval.',
    ),
    TroubleCode.RUNS_MISSED: Explanation(
        "runs were missed",
        'catchup="all" runs them after a downtime; keep `rota up` running.',
    ),
    TroubleCode.RUNS_LOST: Explanation("runs were lost", 'on_crash="restart" attempts them again.'),
    TroubleCode.RUN_LATE: Explanation(
        "a run has not started after its time",
        "`rota doctor` says what it waits for; cancel it if it is no longer wanted.",
    ),
    TroubleCode.FILE_MODES: Explanation(
        "others on this machine may read or change files of rota",
        "chmod go-rwx {files}",
    ),
    TroubleCode.FILE_OWNERS: Explanation("others own files of rota", "chown {owner} {files}"),
    TroubleCode.DISK_MISSING: Explanation("the ledger has no directory", "Make the directory."),
    TroubleCode.DISK_LOW: Explanation(
        "little space is left on the disk",
        "Free some; manager.retention_days keeps less history.",
    ),
    TroubleCode.FINE: Explanation("nothing is wrong", ""),
}
"""The one table of codes: what each means (of a run: which state it belongs to), and its remedy."""
