"""Looks for runs that are due and have not started, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rota.core.limits import GroupLimit
from rota.core.ports.history import History
from rota.core.time import Instant, seconds
from rota.core.waits import Scene, Wait, wait_of

MOST = 5
"""Tasks whose waiting is told, those that wait longest."""


def waits(
    history: History,
    now: Instant,
    late: float,
    *,
    groups: Mapping[str, GroupLimit],
    known: Collection[str] | None = None,
    slots: Mapping[str, tuple[int, int]] | None = None,
    stuck: Mapping[str, str] | None = None,
) -> list[Wait]:
    """Return why runs wait that were due `late` seconds ago or more, the longest wait first; raises
    LedgerError. Without `slots`, the executors of other nodes are not known."""
    backlogs = history.backlog(now)
    waiting = sorted(
        (task_id for task_id, one in backlogs.items() if one.oldest < now - seconds(late)),
        key=lambda task_id: backlogs[task_id].oldest,
    )[:MOST]
    if not waiting:
        return []
    running = history.running()
    tasks = history.tasks({*waiting, *(run.task_id for run in running)})
    scene = Scene(
        now=now,
        tasks={task.record.id: task for task in tasks if task.removed_at is None},
        running=running,
        groups=groups,
        known=known,
        slots=slots or {},
        stuck=stuck or {},
    )
    return [wait_of(task_id, backlogs[task_id], scene) for task_id in waiting]
