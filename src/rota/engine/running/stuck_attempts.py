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
        """Task id → place on another node, as the reaper last read it."""

    def here(self) -> dict[str, str]:
        """Return task id → place of those on this node."""
        return {
            stuck.task_id: stuck.place for executor in self._executors for stuck in executor.stuck()
        }

    def anywhere(self) -> dict[str, str]:
        """Return task id → place of those on all nodes."""
        return {**self.elsewhere, **self.here()}
