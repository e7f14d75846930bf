"""An APScheduler job store that holds what is due next, as one heap of instants."""

from __future__ import annotations

import heapq
import threading
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.triggers.base import BaseTrigger

from rota.core.instants import SECOND, Instant, to_datetime
from rota.core.ports import Clock
from rota.core.schedule import Trigger

LONGEST_WAIT: Instant = SECOND
"""The scheduler looks again at least this often, so that a step of the wall clock is seen."""


LEAD: Instant = 50_000
"""A task is handed over this long before its instant: its row is durable when the instant comes."""


class DueTask(NamedTuple):
    """A task that is due: at this one instant, or, where that is None, at several."""

    task_id: str
    instant: Instant | None


class HeapStore(BaseJobStore):  # type: ignore[misc]  # apscheduler has no types
    """Hands APScheduler one job for all the tasks that are due, made at that moment.

    A schedule at rest is a trigger, an instant and a heap entry: APScheduler's own store keeps a
    whole job for each and a sorted list of all. The instants are judged by the injected clock;
    APScheduler only ever sees the moment of its own tick, so it fires each job exactly once.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._heap: list[tuple[Instant, str]] = []
        self._next: dict[str, tuple[Instant, Trigger]] = {}
        self._tick: datetime | None = None
        self.ticked_at = clock.monotonic()
        self._again = _Again()

    def __len__(self) -> int:
        return len(self._next)

    def put(self, task_id: str, trigger: Trigger, after: Instant) -> bool:
        """Hold the task's next instant after `after`; True when it is now the first of all."""
        instant = trigger.next_after(after)
        with self._lock:
            if instant is None:
                self._next.pop(task_id, None)
                return False
            self._next[task_id] = (instant, trigger)
            heapq.heappush(self._heap, (instant, task_id))
            return self._heap[0][1] == task_id

    def discard(self, task_id: str) -> None:
        """Hold the task no more; its heap entry is dropped when it comes up."""
        with self._lock:
            self._next.pop(task_id, None)

    def next_of(self, task_id: str) -> Instant | None:
        """Return the instant held for a task."""
        held = self._next.get(task_id)
        return held[0] if held else None

    # --- what APScheduler calls, on its own thread ---

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Take what is due, put each task's following instant in its place, make its job."""
        self._tick = now
        self.ticked_at = self._clock.monotonic()
        due = self._take(self._clock.now() + LEAD)
        return [self._job("due", now, due)] if due else []

    def get_next_run_time(self) -> datetime | None:
        """Return when to look again, in APScheduler's own time."""
        with self._lock:
            top = self._heap[0][0] if self._heap else None
        early = None if top is None else top - LEAD - self._clock.now()
        wait = LONGEST_WAIT if early is None else min(early, LONGEST_WAIT)
        return self._tick and self._tick + timedelta(microseconds=max(wait, 0))

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the job of a task, for APScheduler's own listings."""
        held = self._next.get(job_id)
        return self._job(job_id, to_datetime(held[0]), []) if held else None

    def get_all_jobs(self) -> list[Job]:
        """Return a job for every task, for APScheduler's own listings."""
        held = list(self._next.items())
        return [self._job(task_id, to_datetime(at), []) for task_id, (at, _) in held]

    def add_job(self, job: Job) -> None:
        """Refuse a job that did not come through `put`."""
        raise TypeError(f"{job.id!r}: schedule tasks through the TaskManager")

    def update_job(self, job: Job) -> None:
        """Do nothing: the following instant was put in place when the job was taken."""

    def remove_job(self, job_id: str) -> None:
        """Hold the task no more."""
        self.discard(job_id)

    def remove_all_jobs(self) -> None:
        """Hold no task any more."""
        with self._lock:
            self._next.clear()
            self._heap.clear()

    def _take(self, until: Instant) -> list[DueTask]:
        taken: list[DueTask] = []
        with self._lock:
            while self._heap and self._heap[0][0] <= until:
                instant, task_id = heapq.heappop(self._heap)
                held = self._next.get(task_id)
                if held is None or held[0] != instant:
                    continue  # discarded or put anew since
                following = held[1].next_after(instant)
                if following is None or following > until:
                    taken.append(DueTask(task_id, instant))
                else:
                    taken.append(DueTask(task_id, None))
                    following = held[1].next_after(until)
                if following is None:
                    del self._next[task_id]
                else:
                    self._next[task_id] = (following, held[1])
                    heapq.heappush(self._heap, (following, task_id))
        return taken

    def _job(self, job_id: str, at: datetime, due: list[DueTask]) -> Job:
        # The way a persistent store brings a job back: no validation, hence no cost.
        job = Job.__new__(Job)
        job.__setstate__(
            {
                "version": 1,
                "id": job_id,
                "func": "rota.scheduling.handover:hand_over",
                "trigger": self._again,
                "executor": "default",
                "args": (due,),
                "kwargs": {},
                "name": job_id,
                "misfire_grace_time": None,
                "coalesce": True,
                "max_instances": 1,
                "next_run_time": at,
            }
        )
        job._scheduler = self._scheduler
        job._jobstore_alias = self._alias
        return job


class _Again(BaseTrigger):  # type: ignore[misc]
    """Tells APScheduler "later": the instants themselves are kept by the store."""

    def get_next_fire_time(self, _previous: Any, now: datetime) -> datetime:
        return now + timedelta(days=1)
