"""Why due runs wait on this node: the diagnosis, confirmed at the dispatcher."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rota.core.ports.history import History
from rota.core.time import Instant
from rota.diagnosis import thresholds
from rota.diagnosis.waits import Wait, waits

if TYPE_CHECKING:
    from rota.engine.node import Node


def waits_here(node: Node, now: Instant) -> list[Wait]:
    """Return why due runs wait, as `waits` does, by what this node knows; raises LedgerError.

    A run is reported as able to start only if it still waits after the dispatcher has looked once
    more and found nothing to claim. What became free a moment ago, and what is being claimed, is no
    trouble.
    """
    found = _waits(node, now)
    if not any(one.could_start for one in found):
        return found
    if node.broker is not None or node.capacity.only is not None:
        return found
    entries = [node.registry.get(one.task_id) for one in found if one.could_start]
    executors = {entry.definition.executor for entry in entries if entry is not None}
    takes = node.capacity.accepting and not node.capacity.drained
    if takes and _dispatcher_has_looked(node, executors):
        return [one.confirmed() for one in _waits(node, now)]
    return [one.behind_others() for one in found]


def _waits(node: Node, now: Instant) -> list[Wait]:
    capacity, used = node.capacity, node.in_flight.used
    history = node.ledger.history
    queues = capacity.queues if capacity.working else frozenset[str]()
    return waits(
        history,
        now,
        groups=node.settings.groups,
        known=node.registry,
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
    """Wake the dispatcher for two looks, so that one of them began after this call; returns whether
    it found nothing to claim for these executors, though they had free slots.
    """
    looks = node.dispatcher.idle_looks
    for _ in range(2):
        before = looks.of(executors)
        node.dispatcher.wake.set()
        if not looks.wait(before, thresholds.LOOK_SURE):
            return False
    return True
