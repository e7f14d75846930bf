"""Which runs a node takes, and for how many it has room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rota.core.ports.executor import Executor
from rota.core.task import policy_of_run
from rota.engine.context import NodeContext
from rota.engine.planning.task_registry import RegisteredTask


class Capacity:
    """What this node may run, and its slots: all of them, and the free ones.

    `working`: it makes attempts at all, which a mere scheduler does not. `accepting`: it takes new
    runs, until it stops. `drained`: an operator keeps it from taking new ones. `only`: the one task
    whose runs it takes, if it was started for one.
    `queues`: those whose runs it takes; None is all.
    """

    def __init__(
        self,
        context: NodeContext,
        executors: Mapping[str, Executor],
        queues: frozenset[str] | None = None,
    ) -> None:
        self._registry = context.registry
        self._used = context.in_flight.used
        self.executors = executors
        self.queues = queues
        self.only: str | None = None
        self.working = True
        self.accepting = True
        self.drained = False

    @property
    def takes(self) -> bool:
        """Return whether this node takes new runs now."""
        return self.working and self.accepting and not self.drained

    @property
    def slots(self) -> int:
        """Return how many attempts may run here at once."""
        return sum(one.slots for one in self.executors.values()) if self.working else 0

    def free(self, executor: str) -> int:
        """Return how many slots of an executor are free; negative if it has fewer than it had."""
        return self.executors[executor].slots - self._used.get(executor, 0)

    def serves(self, entry: RegisteredTask, options: Mapping[str, Any] | None = None) -> bool:
        """Return whether this node takes runs of a task: the node was started for that task, or it
        serves the task's queue, or the queue that a run names in its own `options`.
        """
        if self.only is not None or self.queues is None:
            return True
        policy = policy_of_run(entry.policy, options) if options else entry.policy
        return policy.queue in self.queues

    def lanes(self) -> dict[str, int]:
        """Return each lane that is served here, with how many of its runs may be in flight."""
        queues = self.queues
        if queues is None:
            queues = frozenset(entry.policy.queue for entry in self._registry.entries())
        return {
            f"{queue}.{name}": executor.slots
            for queue in sorted(queues)
            for name, executor in self.executors.items()
        }

    @property
    def is_delivered_to(self) -> bool:
        """Return whether a broker is to deliver to this node now."""
        return self.takes and self.only is None
