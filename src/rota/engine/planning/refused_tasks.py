"""Tasks whose occurrences cannot be planned: kept apart from the others, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from rota.engine.planning.task_registry import Registry
from rota.logs import queued
from rota.scheduling import DueTask

logger = queued("rota.planner")

AGAIN = 10.0
"""Seconds until such a task is tried again."""


class Refusals:
    """Keeps the failure of one task away from the others: the tasks in `alone` are written one by
    one, because one of them failed.
    """

    def __init__(self, registry: Registry, due: Callable[[list[DueTask]], None]) -> None:
        self._registry = registry
        self._due = due
        self._why: dict[str, str] = {}
        self._later: set[str] = set()
        self.alone: set[str] = set()

    def add(self, due: DueTask, error: Exception) -> None:
        """Take a task that cannot be planned now, and schedule its planning for later, from its
        `planned_until` on; called on the service loop.
        """
        task_id = due.task_id
        self._why[task_id] = f"{type(error).__name__}: {error}"
        self.alone.add(task_id)
        logger.error("%s cannot be planned, and is tried again", task_id, exc_info=error)
        if task_id not in self._later:
            self._later.add(task_id)
            again = DueTask(task_id, None, due.until)
            asyncio.get_running_loop().call_later(AGAIN, self._try_again, again)

    def planned(self, task_ids: Collection[str]) -> None:
        """Note that these tasks could be planned."""
        for task_id in self.alone.intersection(task_ids):
            self.alone.discard(task_id)
            self._why.pop(task_id, None)

    def found(self) -> dict[str, str]:
        """Return why the occurrences of tasks cannot be planned, by their ids."""
        return {
            task_id: why
            for task_id, why in dict(self._why).items()
            if self._registry.get(task_id) is not None
        }

    def _try_again(self, due: DueTask) -> None:
        self._later.discard(due.task_id)
        self._due([due])
