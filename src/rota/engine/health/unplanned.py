"""Tasks that should have been planned and were not: the ticking clock's list compared with the
registry.
"""

from __future__ import annotations

import time

from rota.core.time import SECOND, Instant, seconds
from rota.diagnosis import thresholds
from rota.engine.context import NodeContext
from rota.engine.planning.planner import Planner
from rota.engine.planning.task_registry import RegisteredTask
from rota.scheduling import TickingClock

AT_ONCE = 2_000
"""Tasks that are checked in one look: if there are more, each one's turn comes after a few looks.
"""


class UnplannedCheck:
    """Checks some tasks a few times a second, and checks those again that it found overdue."""

    def __init__(self, context: NodeContext, ticking: TickingClock, planner: Planner) -> None:
        self._clock = context.clock
        self._registry = context.registry
        self._gateway = context.gateway
        self._ticking = ticking
        self._planner = planner
        self._left: list[RegisteredTask] = []
        self._found: dict[str, tuple[Instant, float]] = {}  # since when it should be, when seen

    def check(self) -> None:
        """Check the next tasks, on the service loop; not while this node plans nothing."""
        if not self._ticking.is_started or self._gateway.trouble is not None:
            return
        now, seen = self._clock.now(), time.monotonic()
        if not self._left:
            self._left = self._registry.entries()
        some, self._left = self._left[:AT_ONCE], self._left[AT_ONCE:]
        again = [self._registry.get(task_id) for task_id in self._found]
        found = {}
        for entry in (*some, *(one for one in again if one is not None)):
            try:
                since = self._since(entry, now)
            except Exception:  # its trigger raises, which the planner reports
                continue
            if since is not None:
                task_id = entry.definition.id
                found[task_id] = (since, self._found.get(task_id, (0, seen))[1])
        for task_id, until in self._planner.waiting().items():
            if until < _late(now):
                found[task_id] = (until, self._found.get(task_id, (0, seen))[1])
        self._found = found

    def overdue(self) -> list[tuple[str, float]]:
        """Return the tasks that should have been planned, and how many seconds ago, the longest
        first; from any thread."""
        now, sure = self._clock.now(), time.monotonic() - thresholds.PLAN_SURE
        found = [
            (task_id, (now - since) / SECOND)
            for task_id, (since, seen) in self._found.items()
            if seen <= sure
        ]
        return sorted(found, key=lambda one: -one[1])

    def _since(self, entry: RegisteredTask, now: Instant) -> Instant | None:
        """Return the instant at which a task should have been planned and was not."""
        task_id = entry.definition.id
        if entry.is_off(now) or entry.revision < 0 or self._registry.get(task_id) is not entry:
            return None  # it plans nothing, is not yet in the ledger, or is another one by now
        instant = self._ticking.next_of(task_id)
        if instant is None:  # nothing comes any more, or the clock has lost the instant
            instant = entry.trigger.next_after(entry.planned_until)
            if entry.trigger.next_after(now) is None:
                return None
        return instant if instant is not None and instant < _late(now) else None


def _late(now: Instant) -> Instant:
    return now - seconds(thresholds.PLAN_LATE)
