"""Whether the broker delivers: judged by the work that arrives, not by its connections.

A consumer that an administrator of the broker removed from its queue appears as connected as
before, but nothing arrives any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rota.core.task import lane_of
from rota.diagnosis import thresholds
from rota.diagnosis.node_state import Stall
from rota.engine.context import NodeContext
from rota.engine.running.capacity import Capacity


@dataclass(slots=True)
class _Stall:
    since: float
    seen: float
    messages: int
    free: int


class Delivery:
    """Checks each lane of this node: what was published for it, and what was claimed of that."""

    def __init__(self, context: NodeContext, capacity: Capacity) -> None:
        self._clock = context.clock
        self._registry = context.registry
        self._capacity = capacity
        self._stalls: dict[str, _Stall] = {}

    def answered(self, task_ids: Collection[str]) -> None:
        """Note that delivered runs of these tasks were claimed: their lanes are served."""
        for task_id in task_ids if self._stalls else ():
            entry = self._registry.get(task_id)
            if entry is not None:
                self._stalls.pop(lane_of(entry.definition), None)

    def look(self, overdue: Mapping[str, int]) -> None:
        """Take in how many messages of each task were not acted upon for a while."""
        now = self._clock.monotonic()
        messages: dict[str, int] = {}
        for task_id, runs in overdue.items():
            if (entry := self._registry.get(task_id)) is not None:
                lane = lane_of(entry.definition)
                messages[lane] = messages.get(lane, 0) + runs
        capacity = self._capacity
        lanes = capacity.lanes() if capacity.is_delivered_to else {}
        free = {lane: capacity.free(lane.rpartition(".")[2]) for lane in messages if lane in lanes}
        for lane, slots in free.items():
            if slots > 0:
                stall = self._stalls.setdefault(lane, _Stall(now, now, 0, 0))
                stall.seen, stall.messages, stall.free = now, messages[lane], slots
        self._stalls = {
            lane: stall
            for lane, stall in self._stalls.items()
            if now - stall.seen <= thresholds.STALLED and free.get(lane, 1) > 0
        }

    def forget(self) -> None:
        """Start over: this node has just started, or stops checking."""
        self._stalls.clear()

    def stalls(self) -> list[Stall]:
        """Return the lanes that have waiting messages, but no delivery since."""
        now = self._clock.monotonic()
        return [
            Stall(lane, now - stall.since, stall.messages, stall.free)
            for lane, stall in list(self._stalls.items())
        ]
