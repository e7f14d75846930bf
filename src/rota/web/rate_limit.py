"""Limiting manual starts: a script in an endless loop would fill a queue in no time."""

from __future__ import annotations

import threading
from http import HTTPStatus

from rota.core.ports.clock import Clock
from rota.web.problems import Problem

MINUTE = 60.0


class ManualRunLimiter:
    """A token bucket of `limit` runs for each task, refilled within a minute; None: no limit."""

    def __init__(self, clock: Clock, limit: int | None) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._spent: dict[str, tuple[float, float]] = {}  # task id → runs, monotonic seconds

    def spend(self, task_id: str) -> None:
        """Take one run from the bucket of a task; raises Problem if it is empty."""
        if self._limit is None:
            return
        now = self._clock.monotonic()
        with self._lock:
            if len(self._spent) > 10_000:
                self._spent = {id: one for id, one in self._spent.items() if self._left(one, now)}
            spent = self._left(self._spent.get(task_id, (0.0, now)), now)
            if spent + 1 > self._limit:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"{task_id!r} was started manually {self._limit} times within a minute.",
                    kind="too-many-runs",
                    remedy="Wait a little, or raise manager.runs_by_hand.",
                )
            self._spent[task_id] = (spent + 1, now)

    def _left(self, spent: tuple[float, float], now: float) -> float:
        """Return how many runs of a bucket are still spent at `now`."""
        runs, at = spent
        return max(0.0, runs - (now - at) * (self._limit or 0) / MINUTE)
