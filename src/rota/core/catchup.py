"""Which due occurrences still run, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.task import Catchup, Policy
from rota.core.time import MINUTE, SECOND, Instant, seconds, to_iso
from rota.core.trigger import Trigger

ON_TIME: Instant = 5 * SECOND
"""An occurrence handed over this late was not in a downtime: the machine was merely busy."""

GRACE: Instant = 5 * MINUTE
"""A date that had passed no longer than this when it was first seen starts at once."""

COUNTED = 100_000
"""The most occurrences that one summary row counts; it then says "at least"."""


class Due(NamedTuple):
    """One row to write: an occurrence that runs, or what was missed.

    A row for several occurrences is written for the oldest. The others keep their right to a row of
    their own, in case the clock was ahead.
    """

    fire_time: Instant
    reason: RunReason = NO_REASON  # why it was missed, or waits
    is_missed: bool = False
    occurrence_count: int = 1
    caught_up: bool = False  # it queues whatever the overlap rule says
    newest: Instant | None = None  # the newest occurrence, if the row is for several
    is_skipped: bool = False  # `reason` says why it is skipped

    @property
    def until(self) -> Instant:
        """Return the instant up to which it says what became of the occurrences."""
        return self.fire_time if self.newest is None else self.newest


class Survey(NamedTuple):
    """What fell due since `planned_until`: on time, late, and too old or too many to list."""

    fresh: list[Instant]
    late: list[Instant]
    older: Due | None  # one row for all of them


Count = Callable[[Trigger, Instant, Instant, int], int]
"""Counts a trigger's instants in (after, until], giving up at a limit."""


class Rejection(NamedTuple):
    """Why an occurrence does not run, and the span in which that holds for others of its task."""

    text: str
    code: ReasonCode
    since: Instant
    until: Instant  # the first instant after it


Judge = Callable[[Instant], Rejection | None]
"""Returns why an occurrence of a task does not run; None if it does."""


def survey(
    trigger: Trigger,
    planned_until: Instant,
    now: Instant,
    policy: Policy,
    count: Count,
    named: Trigger | None = None,
) -> Survey:
    """Find what is due in (planned_until, now], newest first and no further back than needed.
    `named` names what is skipped as well, if anything is: it is counted with what is too old.
    """
    fresh: list[Instant] = []
    late: list[Instant] = []
    window = now - seconds(policy.catchup_window)
    instant = trigger.last_before(now)
    while instant is not None and instant > planned_until:
        if now - instant <= ON_TIME:
            fresh.append(instant)
        elif instant >= window and len(late) < max(policy.catchup_limit, 1):
            late.append(instant)
        else:
            every = named or trigger
            oldest = every.next_after(planned_until)
            assert oldest is not None  # `instant` is one
            older = count(every, planned_until, instant, COUNTED)
            summary = Due(
                oldest,
                RunReason(ReasonCode.CATCHUP_LIMIT, _counted(older, planned_until)),
                is_missed=True,
                occurrence_count=older,
                newest=instant,
            )
            return Survey(fresh[::-1], late[::-1], summary)
        instant = trigger.last_before(instant - 1)
    return Survey(fresh[::-1], late[::-1], None)


def decide(
    due: Survey,
    policy: Policy,
    *,
    off: bool = False,
    up_since: Instant | None = None,
) -> list[Due]:
    """Return the rows for what is due, oldest first: each occurrence once, or in one summary.

    `catchup="latest"` runs the newest occurrence of the downtime, unless a fresh one runs anyway.
    `"all"` runs every late one that is listed, and then what is on time. `"none"` runs only what is
    on time. If the task is `off` by now, nothing runs. An occurrence that is late although this
    node was up before its time fell into no downtime.
    """
    runs: set[Instant] = set()
    if off:
        pass
    elif policy.catchup is Catchup.ALL:
        runs.update(due.late)
    elif policy.catchup is Catchup.LATEST and not due.fresh:
        runs.update(due.late[-1:])
    caught_up = RunReason(ReasonCode.CAUGHT_UP, "")
    rows = [due.older] if due.older else []
    rows += [
        Due(instant, caught_up, caught_up=True)
        if instant in runs
        else _missed(instant, policy, up_since)
        for instant in due.late
    ]
    if off:
        return rows + [_off(instant) for instant in due.fresh]
    follows = bool(due.late) and policy.catchup is Catchup.ALL
    rows += [Due(instant, caught_up=follows) for instant in due.fresh]
    return rows


def skipped(
    named: Trigger, due: Survey, cursor: Instant, now: Instant, count: Count, judge: Judge
) -> list[Due]:
    """Return the rows for the occurrences in (cursor, now] that are named and not among those that
    are due: one for those that one rejection holds for. `judge` says why one is skipped.
    """
    since = cursor if due.older is None else due.older.until
    found: list[Due] = []
    for before, after in pairwise([since, *due.late, *due.fresh, now + 1]):
        first = named.next_after(before)
        while first is not None and first < after:
            why = judge(first) or Rejection("it was not to run", ReasonCode.CALENDAR, 0, 0)
            last = named.last_before(min(after, max(why.until, first + 1)) - 1)
            assert last is not None  # `first` is one
            number = 1 if first == last else count(named, first - 1, last, COUNTED)
            more = f"; {number - 1} more up to {to_iso(last)}" if number > 1 else ""
            newest = None if number == 1 else last
            found.append(
                Due(
                    first,
                    RunReason(why.code, f"{why.text}{more}"),
                    occurrence_count=number,
                    newest=newest,
                    is_skipped=True,
                )
            )
            first = named.next_after(last)
    return found


def _off(instant: Instant) -> Due:
    why = "its task was paused or disabled before it could start"
    return _missing(instant, ReasonCode.PAUSED, why)


def passed(instant: Instant, seen_at: Instant, *, is_late: bool, off: bool) -> Due:
    """Return the row of an instant that had passed when it was first seen at `seen_at`: it runs at
    once, unless that `is_late`, or its task is `off`.
    """
    if not is_late:
        return _off(instant) if off else Due(instant)
    reason = (
        f"its date {to_iso(instant)} had passed when it was first seen at {to_iso(seen_at)},"
        f" more than {GRACE // MINUTE} minutes later; it can be run manually"
    )
    return _missing(instant, ReasonCode.LATE_DATE, reason)


def _missed(instant: Instant, policy: Policy, up_since: Instant | None) -> Due:
    if up_since is None or instant < up_since:
        reason = f"it fell into a downtime (catchup={policy.catchup})"
        return _missing(instant, ReasonCode.DOWNTIME, reason)
    reason = (
        f"a node was up at its time and planned it more than {ON_TIME // SECOND} s late: it was"
        f" held up, or the ledger was away (catchup={policy.catchup})"
    )
    return _missing(instant, ReasonCode.BEHIND, reason)


def _missing(instant: Instant, code: ReasonCode, why: str) -> Due:
    return Due(instant, RunReason(code, why), is_missed=True)


def _counted(older: int, planned_until: Instant) -> str:
    at_least = "at least " if older >= COUNTED else ""
    return (
        f"{at_least}{older} occurrences after {to_iso(planned_until)} were not planned in time,"
        " and are too old or too many to be listed (catchup_window, catchup_limit)"
    )
