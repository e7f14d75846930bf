"""The rows of runs that users and code request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rota.core.ports.records import NewRun
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import Instant
from rota.definitions.arguments import overlap_key_of
from rota.engine.planning.task_registry import RegisteredTask


class ManualStart(NamedTuple):
    """One manual start that a user or code requests."""

    arguments: Mapping[str, Any] | None = None
    reason: str = ""
    retry_of: str | None = None


def manual_rows(
    entry: RegisteredTask,
    starts: Sequence[ManualStart],
    ids: Sequence[str],
    now: Instant,
    claims: Sequence[str | None],
    *,
    offered: bool,
) -> list[NewRun]:
    """Return the rows of these starts of a task, with these ids, claimed by these nodes; if other
    runs are active, each waits for its turn.

    They are made by position: by name takes three times as long, for every run.
    """
    task, policy = entry.definition, entry.policy
    task_id, priority, names = task.id, policy.priority, policy.overlap_key
    overlap = Overlap.ALLOW if policy.overlap is Overlap.ALLOW else Overlap.QUEUE
    return [
        NewRun(
            run_id,
            task_id,
            None,  # fire_time
            Cause.MANUAL,
            State.QUEUED,
            RunReason(None, start.reason) if start.reason else NO_REASON,
            now,  # available_at
            now,  # created_at
            overlap,
            None,  # queue_limit
            None,  # max_running
            "",  # limits
            False,  # caught_up
            0,  # follows
            1,  # occurrence_count
            start.arguments,
            claim,
            False,  # early
            start.retry_of,
            priority,
            offered,
            None,  # key
            None,  # options
            overlap_key_of(names, task, start.arguments) if names else None,
        )
        for start, run_id, claim in zip(starts, ids, claims, strict=True)
    ]
