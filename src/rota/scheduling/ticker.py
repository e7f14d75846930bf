"""The ticking of a node: APScheduler on its own thread, in UTC."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

from rota.core.ports.clock import Clock
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.runtime.engine_threads import own_thread
from rota.runtime.log_queue import queued
from rota.scheduling.handover_executor import Handover
from rota.scheduling.heap_store import DueTask, HeapStore

logger = queued("rota.runtime.system_clock")

AGAIN = 0.5
"""Seconds until it ticks again when something ended the ticking."""


class TickingClock:
    """Calls `due` on its own thread with the tasks of which an instant comes within `LEAD`.

    `due` must be quick and must not raise. Start and stop are safe in any order and twice.
    """

    def __init__(self, clock: Clock, due: Callable[[list[DueTask]], None]) -> None:
        self._clock = clock
        self._due = due
        self._store = HeapStore(clock)
        self._scheduler: _Scheduler | None = None
        # APScheduler logs each tick; what matters of it is in the ledger.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def __len__(self) -> int:
        return len(self._store)

    def start(self) -> None:
        """Begin to tick."""
        if self._scheduler is None:
            self._store.ticked_at = self._clock.monotonic()
            self._scheduler = _Scheduler(
                timezone=UTC,
                jobstores={"default": self._store},
                executors={"default": Handover(self._due)},
            )
            self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; what was put stays."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    def put(self, task_id: str, trigger: Trigger, after: Instant) -> None:
        """Fire the task from its next instant after `after` on, replacing what was put before."""
        if self._store.put(task_id, trigger, after):
            self.wakeup()

    def discard(self, task_id: str) -> None:
        """Fire the task no more."""
        self._store.discard(task_id)

    def next_of(self, task_id: str) -> Instant | None:
        """Return the next instant at which the task fires."""
        return self._store.next_of(task_id)

    def take_due(self) -> list[DueTask]:
        """Return what is due now, as each tick takes it, for callers that tick themselves."""
        return self._store.take_due(self._clock.now())

    def wakeup(self) -> None:
        """Look at the time at once: something was put, or the clock was moved."""
        if self._scheduler is not None:
            self._scheduler.wakeup()

    @property
    def is_started(self) -> bool:
        """Return whether it was started and not stopped."""
        return self._scheduler is not None

    def tick_age(self) -> float:
        """Return the seconds since the last tick; 0 while it is not started."""
        if self._scheduler is None:
            return 0.0
        return self._clock.monotonic() - self._store.ticked_at


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # apscheduler has no types
    """Ticks on, whatever happens in one tick, and logs from another thread."""

    def _main_loop(self) -> None:
        with own_thread():
            while self.state != STATE_STOPPED:
                try:
                    super()._main_loop()
                except BaseException:
                    logger.exception("The ticking ended and begins again")
                    threading.Event().wait(AGAIN)
                    self.wakeup()
