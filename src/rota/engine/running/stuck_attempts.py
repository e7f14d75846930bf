"""Attempts that were given up and are still running."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rota.core.ports.executor import Executor


class StuckAttempts:
    """Where the attempts are that did not stop: on this node, and on others.

    A task that is stuck anywhere starts nowhere, unless its runs may overlap.
    """

    def __init__(self, executors: Collection[Executor]) -> None:
        self._executors = executors
        self.elsewhere: Mapping[str, str] = {}
        """Task id → what another node last said of it, as the reaper read it."""

    def here(self) -> dict[str, str]:
        """Return task id → place of those on this node."""
        return {
            stuck.task_id: stuck.place for executor in self._executors for stuck in executor.stuck()
        }

    def anywhere(self) -> dict[str, str]:
        """Return task id → what is known of its attempt that did not stop, on all nodes."""
        here = {task_id: f"is still stuck at {place}" for task_id, place in self.here().items()}
        return {**self.elsewhere, **here}
