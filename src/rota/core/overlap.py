"""What becomes of an occurrence whose task is still running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import Instant, to_iso

SURELY: Instant = 2**62
"""The time of the last heartbeat for a node that is known to live now."""

MOST_UNDECIDED = 100
"""The most occurrences of one task that wait for a verdict; those beyond are skipped."""


class ActiveRun(NamedTuple):
    """A run of the task that has not ended."""

    run_id: str
    state: State
    fire_time: Instant | None
    node: str | None
    reason_code: ReasonCode | None = None  # if it waits: the reason
    awaits: str | None = None  # the run that blocks it, while that run may be in progress
    heard_at: Instant = SURELY  # the last heartbeat of its node, while it runs
    crashed_at: Instant | None = None  # when the crash of its last node was noticed

    def is_doubtful(self, at: Instant) -> bool:
        """Return whether it was unknown, or is unknown, if the run was in progress at an instant.

        An occurrence that is planned late is decided as if it had been planned at its instant: the
        crash of the run's node, noticed only later, was not known then.
        """
        if self.crashed_at is not None and self.crashed_at >= at:
            return True
        return self.state is State.RUNNING and self.heard_at < at


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on an occurrence: it waits for its turn, waits for a verdict (`awaits`), or is
    skipped for a reason.
    """

    skip: RunReason | None = None
    cancel: tuple[str, ...] = ()  # ids of the runs that are cancelled for it
    awaits: str | None = None  # the run whose state must be known first: still in progress or not
    reason: RunReason = NO_REASON  # why it waits for that run


GO = Decision()


def decide(
    overlap: Overlap,
    queue_limit: int | None,
    cause: Cause,
    active: tuple[ActiveRun, ...],
    at: Instant | None = None,
) -> Decision:
    """Return the decision about one new run of an instant, given the runs of its task that have not
    ended, oldest first.

    A manual start was requested by a user or by code: it is never skipped, it waits for its turn.
    If an occurrence is blocked only by a run on a node that is not known to live, it is not skipped
    for that run: it waits until the node's state is known.
    """
    if not active or overlap is Overlap.ALLOW:
        return GO
    if overlap is Overlap.REPLACE:
        return Decision(cancel=tuple(run.run_id for run in active))
    if cause is not Cause.SCHEDULE:
        return GO
    undecided = [run for run in active if run.awaits]
    doubtful = [] if at is None else [run for run in active if run.is_doubtful(at)]
    if overlap is Overlap.SKIP:
        sure = [run for run in active if run not in undecided and run not in doubtful]
        skipped = _skip(ReasonCode.OVERLAP, _still_going(sure[0])) if sure else None
    else:
        waiting, most = sum(run.state is not State.RUNNING for run in active), queue_limit or 1
        if waiting < most:
            return GO
        skipped = _skip(ReasonCode.QUEUE_LIMIT, _full(waiting, most))
        if doubtful or undecided:
            surely_runs = any(run.state is State.RUNNING for run in active if run not in doubtful)
            skipped = skipped if surely_runs else None
    return skipped or _undecided(doubtful, undecided)


def follows(most: int, active: Sequence[ActiveRun]) -> bool:
    """Return whether an occurrence waits its turn after those that are caught up before it."""
    if not any(run.reason_code is ReasonCode.CAUGHT_UP for run in active):
        return False
    return sum(run.state is not State.RUNNING for run in active) < most


def crowded(
    queue_limit: int, active: Sequence[ActiveRun], max_running: int | None, limits: str
) -> Decision:
    """Return the decision about an occurrence that may run at the same time as others, but has to
    wait for a limit or for a slot: at most `queue_limit` wait.
    """
    running = sum(run.state is State.RUNNING for run in active)
    about_to_start = max((max_running or 0) - running, 0)
    waiting = len(active) - running - about_to_start
    if waiting < queue_limit:
        return GO
    what = f" for {limits}" if limits else " to start"
    why = f"{waiting} already waited{what} (queue_limit={queue_limit})"
    return _skip(ReasonCode.QUEUE_LIMIT, why)


def _undecided(doubtful: Sequence[ActiveRun], undecided: Sequence[ActiveRun]) -> Decision:
    if len(undecided) >= MOST_UNDECIDED:
        why = f"{len(undecided)} occurrences already waited for the verdict on one run"
        return _skip(ReasonCode.QUEUE_LIMIT, why)
    if not doubtful:
        return Decision(awaits=undecided[0].awaits, reason=RunReason(ReasonCode.VERDICT, VERDICT))
    run = doubtful[0]
    why = f"{VERDICT}: node {run.node}, which ran it, has not been heard of since"
    return Decision(awaits=run.run_id, reason=RunReason(ReasonCode.VERDICT, why))


def _skip(code: ReasonCode, why: str) -> Decision:
    return Decision(RunReason(code, why))


VERDICT = "waits until it is known whether the run before it is still running"


class BlockerState(Enum):
    """What is known of the run that blocked an occurrence, at its instant."""

    UNKNOWN = "unknown"  # its node has sent no heartbeat since
    STILL_RUNNING = "still running"
    ENDED = "ended"  # it had ended, or its node was gone


class Undecided(NamedTuple):
    """An occurrence that waits for a verdict, and the verdict."""

    run_id: str
    fire_time: Instant | None
    before: ActiveRun  # the run that blocked it
    blocker_state: BlockerState


class Decided(NamedTuple):
    """What was decided about an occurrence that waited for a verdict."""

    run_id: str
    decision: Decision


def decide_waiting(
    overlap: Overlap,
    queue_limit: int | None,
    undecided: Sequence[Undecided],
    waiting: Sequence[ActiveRun],
) -> list[Decided]:
    """Decide the occurrences of one task that wait for a verdict, as if it had been known at their
    instants. They are decided one by one, oldest first, up to the first that cannot be decided yet.

    `waiting` are the other runs of the task that wait.
    """
    judged: list[Decided] = []
    let = list(waiting)
    for one in undecided:
        if one.blocker_state is BlockerState.UNKNOWN:
            break
        ahead = [run for run in let if run.run_id < one.run_id]
        decision = _verdict(overlap, queue_limit or 1, one, ahead)
        judged.append(Decided(one.run_id, decision))
        if decision is GO:
            let.append(ActiveRun(one.run_id, State.QUEUED, one.fire_time, None))
    return judged


def _verdict(
    overlap: Overlap, queue_limit: int, one: Undecided, ahead: Sequence[ActiveRun]
) -> Decision:
    if overlap is Overlap.SKIP:
        in_the_way = [one.before] if one.blocker_state is BlockerState.STILL_RUNNING else ahead
        return _skip(ReasonCode.OVERLAP, _still_going(in_the_way[0])) if in_the_way else GO
    if overlap is Overlap.QUEUE:
        # If the run before it was over, the first in the queue would have started.
        waiting = (
            len(ahead)
            if one.blocker_state is BlockerState.STILL_RUNNING
            else max(len(ahead) - 1, 0)
        )
        if waiting >= queue_limit:
            return _skip(ReasonCode.QUEUE_LIMIT, _full(waiting, queue_limit))
    return GO


def _full(waiting: int, queue_limit: int) -> str:
    return f"{waiting} already waited in its queue (queue_limit={queue_limit})"


def _still_going(run: ActiveRun) -> str:
    when = "started manually" if run.fire_time is None else f"of {to_iso(run.fire_time)}"
    if run.state is State.RUNNING:
        return f"the run {when} was still running on node {run.node}"
    return f"the run {when} was still {_WAITING_FOR.get(run.reason_code, 'waiting to start')}"


_WAITING_FOR: dict[ReasonCode | None, str] = {
    ReasonCode.RETRY: "waiting for its retry",
    ReasonCode.JITTER: "waiting for its start delay (jitter)",
    ReasonCode.RUN_AT: "waiting for its time",
}
