"""Looks for runs that are due and have not started, and why."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rota.core.limits import GroupLimit
from rota.core.ports.history import History
from rota.core.time import Instant, seconds
from rota.diagnosis.waits import Scene, Wait, wait_of

if TYPE_CHECKING:
    from rota.engine.node import Node

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
    queues: Collection[str] | None = None,
    queues_elsewhere: Collection[str] | None = None,
) -> list[Wait]:
    """Return why runs wait that were due `late` seconds ago or more, the longest wait first; raises
    LedgerError. Without `slots`, the executors of other nodes are not known. `queues` are those
    that the asked node serves, None is all."""
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
        queues=queues,
        queues_elsewhere=queues_elsewhere,
    )
    return [wait_of(task_id, backlogs[task_id], scene) for task_id in waiting]


LOOK, LOOKS = 0.01, 10
"""Seconds between two looks at what the dispatcher has done, and their number."""


def waits_here(node: Node, now: Instant, late: float) -> list[Wait]:
    """Return why due runs wait, as `waits` does, by what this node knows; raises LedgerError.

    That a run could start is said only if it still waits after the dispatcher has looked once more
    and found nothing to claim: what became free a moment ago, and what is being claimed, is no
    trouble.
    """
    found = _waits(node, now, late)
    if not any(one.could_start for one in found):
        return found
    if node.broker is not None or node.capacity.only is not None:
        return [one._replace(could_start=False) for one in found]
    entries = [node.registry.get(one.task_id) for one in found if one.could_start]
    executors = {entry.definition.executor for entry in entries if entry is not None}
    if node.capacity.accepting and _dispatcher_has_looked(node, executors):
        return _waits(node, now, late)
    return [one.behind_others() if one.could_start else one for one in found]


def _waits(node: Node, now: Instant, late: float) -> list[Wait]:
    capacity, used = node.capacity, node.in_flight.used
    history = node.ledger.history
    queues = capacity.queues if capacity.working else frozenset[str]()
    return waits(
        history,
        now,
        late,
        groups=node.settings.groups,
        known={entry.definition.id for entry in node.registry.entries()},
        slots={name: (used.get(name, 0), one.slots) for name, one in node.executors.items()},
        stuck=node.stuck_places(),
        queues=queues,
        queues_elsewhere=None if queues is None else _elsewhere(history, node.identity.id, now),
    )


def _elsewhere(history: History, own: str, now: Instant) -> Collection[str] | None:
    """Return the queues that the other nodes serve, None for all."""
    served: set[str] = set()
    for node in history.nodes():
        is_up = node.state == "up" and node.lease_until > now and node.slots > 0
        if node.id == own or not is_up or node.info.get("only"):
            continue
        queues = node.info.get("queues")
        if not isinstance(queues, list):
            return None
        served.update(map(str, queues))
    return served


def _dispatcher_has_looked(node: Node, executors: Collection[str]) -> bool:
    """Wake the dispatcher for two looks, so that one began after this call; returns whether it
    found nothing to claim for these executors, though they had free slots."""
    looks = node.dispatcher.idle_looks
    for _ in range(2):
        before = {name: looks[name] for name in executors}
        node.dispatcher.wake.set()
        for _ in range(LOOKS):
            if all(looks[name] != count for name, count in before.items()):
                break
            time.sleep(LOOK)
        else:
            return False
    return True
