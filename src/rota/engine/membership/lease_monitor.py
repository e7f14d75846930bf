"""How long each of the other nodes has been silent."""

from __future__ import annotations

from collections.abc import Sequence

from rota.core.ports.clock import Clock
from rota.core.ports.records import NodeRecord
from rota.core.time import SECOND, Instant


class LeaseMonitor:
    """How long each node has sent no heartbeat, by this node's monotonic clock.

    Times that two nodes took are never compared: their clocks differ, and are stepped. Silence
    counts only while this node looked: after it was suspended, the others get the rest of their
    lease to be heard again.
    """

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._longest_gap = 2 * every
        self._looked_at = clock.monotonic()
        self._known: dict[str, tuple[Instant, float]] = {}  # last heartbeat, silence left

    def of(self, nodes: Sequence[NodeRecord]) -> set[str]:
        """Return the ids of the nodes that were silent for longer than their lease."""
        passed, known = self._passed(), self._known
        self._looked_at, self._known = self._clock.monotonic(), {}
        for node in nodes:
            lease = (node.lease_until - node.seen_at) / SECOND
            seen_at, left = known.get(node.id, (None, lease))
            left = left - passed if node.seen_at == seen_at else lease
            self._known[node.id] = (node.seen_at, left)
        return {node.id for node in nodes if self._known[node.id][1] < 0}

    def may_be_long(self) -> bool:
        """Return whether a node has sent no heartbeat for longer than its lease.

        Heartbeats that arrived since the last look are not known here.
        """
        passed = self._passed()
        return any(left < passed for _, left in self._known.values())

    def forget(self) -> None:
        """Start counting now: while the ledger was unavailable, no node could be heard."""
        self._known = {}

    def _passed(self) -> float:
        return min(self._clock.monotonic() - self._looked_at, self._longest_gap)
