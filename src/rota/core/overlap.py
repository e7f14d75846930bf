"""What becomes of an occurrence whose task still runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rota.core.instants import Instant, to_iso
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, State
from rota.core.task import Overlap


class ActiveRun(NamedTuple):
    """A run of the task that has not ended."""

    run_id: str
    state: State
    fire_time: Instant | None
    node: str | None
    reason_code: ReasonCode | None = None  # of one that waits: what for


@dataclass(frozen=True, slots=True)
class Decision:
    """Either it waits for its turn (`skip_reason` is None), or it is skipped for that reason."""

    skip_reason: str | None = None
    skip_code: ReasonCode | None = None
    cancel: tuple[str, ...] = ()  # ids of the runs that must end for it


GO = Decision()


def decide(
    overlap: Overlap, queue_limit: int, cause: Cause, active: tuple[ActiveRun, ...]
) -> Decision:
    """Decide about one new run, given the runs of its task that have not ended, oldest first.

    A manual start was asked for by somebody: it is never skipped, it waits for its turn.
    """
    if not active or overlap is Overlap.ALLOW:
        return GO
    if overlap is Overlap.REPLACE:
        return Decision(cancel=tuple(run.run_id for run in active))
    if cause is not Cause.SCHEDULE:
        return GO
    if overlap is Overlap.SKIP:
        return Decision(_still_going(active[0]), ReasonCode.OVERLAP)
    waiting = sum(run.state is not State.RUNNING for run in active)
    if waiting >= queue_limit:
        return Decision(
            f"{waiting} already waited in its queue (queue_limit={queue_limit})",
            ReasonCode.QUEUE_LIMIT,
        )
    return GO


def _still_going(run: ActiveRun) -> str:
    when = "started by hand" if run.fire_time is None else f"of {to_iso(run.fire_time)}"
    if run.state is State.RUNNING:
        return f"the run {when} was still going on node {run.node}"
    return f"the run {when} was still {_WAITING_FOR.get(run.reason_code, 'waiting to start')}"


_WAITING_FOR: dict[ReasonCode | None, str] = {
    ReasonCode.RETRY: "waiting for its retry",
    ReasonCode.JITTER: "waiting for its start delay (jitter)",
    ReasonCode.RUN_AT: "waiting for its time",
}
