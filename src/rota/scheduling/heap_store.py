"""An APScheduler job store that holds what is due next, as one heap of instants."""

from __future__ import annotations

import heapq
import threading
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.triggers.base import BaseTrigger

from rota.core.ports.clock import Clock
from rota.core.time import SECOND, Instant, to_datetime
from rota.core.trigger import LEAD, Trigger
from rota.runtime.log_queue import queued

LONGEST_WAIT: Instant = SECOND
"""The scheduler looks again at least this often, so that a step of the wall clock is seen."""

CROWD = 1_000
"""Tasks that are due at once and whose rows can be written within `LEAD`."""

LONGEST_LEAD: Instant = SECOND
"""How early the first of the largest crowd are handed over, so that all are durable in time."""

EACH_MORE: Instant = 100
"""How much earlier a crowd is begun for each task beyond `CROWD`."""


BROKEN: Instant = 60 * SECOND
"""How long a task waits whose trigger raised, until it is asked once more."""

logger = queued("rota.runtime.system_clock")


class DueTask(NamedTuple):
    """A task that is due: at this one instant, or, if that is None, at several up to `until`."""

    task_id: str
    instant: Instant | None
    until: Instant


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
            held = self._next.get(task_id)
            self._next[task_id] = (instant, trigger)
            if held is None or held[0] != instant:  # else its entry is there
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
        due = self.take_due(self._clock.now())
        return [self._job("due", now, due)] if due else []

    def get_next_run_time(self) -> datetime | None:
        """Return when to look again, in APScheduler's own time."""
        with self._lock:
            begin = self._heap[0][0] - LEAD - self._crowd() * EACH_MORE if self._heap else None
        wait = LONGEST_WAIT if begin is None else min(begin - self._clock.now(), LONGEST_WAIT)
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

    def take_due(self, now: Instant) -> list[DueTask]:
        """Take what is due within `LEAD`, and of a crowd that comes then all but the last ones."""
        with self._lock:
            taken = self._take(now + LEAD, len(self._heap))
            crowd = self._crowd()
            if crowd and self._heap[0][0] - LEAD - crowd * EACH_MORE <= now:
                taken += self._take(min(self._heap[0][0], now + LONGEST_LEAD - LEAD) + LEAD, crowd)
        return taken

    def _crowd(self) -> int:
        """Return how many more than `CROWD` are due within `LEAD` of the first, up to a limit."""
        heap, most = self._heap, CROWD + (LONGEST_LEAD - LEAD) // EACH_MORE
        until = heap[0][0] + LEAD if heap else 0
        found, looks = 0, [0]
        while looks and found < most:  # down the heap, as far as it goes
            at = looks.pop()
            if at < len(heap) and heap[at][0] <= until:
                found += 1
                looks += (2 * at + 1, 2 * at + 2)
        return max(found - CROWD, 0)

    def _take(self, until: Instant, most: int) -> list[DueTask]:
        taken: list[DueTask] = []
        while self._heap and self._heap[0][0] <= until and len(taken) < most:
            instant, task_id = heapq.heappop(self._heap)
            held = self._next.get(task_id)
            if held is None or held[0] != instant:
                continue  # discarded or replaced since
            try:
                following, lone = _following(held[1], instant, until)
            except Exception:  # of the one task; every other one continues
                logger.exception("The trigger of %s names no next time", task_id)
                following, lone = until + BROKEN, None
            taken.append(DueTask(task_id, lone, until))
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
                "func": "rota.scheduling.handover_executor:hand_over",
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


def _following(
    trigger: Trigger, instant: Instant, until: Instant
) -> tuple[Instant | None, Instant | None]:
    """Return the instant after what is taken now, and the instant that is taken, if it is the only
    one.
    """
    following = trigger.next_after(instant)
    if following is None or following > until:
        return following, instant
    return trigger.next_after(until), None


class _Again(BaseTrigger):  # type: ignore[misc]
    """Tells APScheduler "later": the instants themselves are kept by the store."""

    def get_next_fire_time(self, _previous: Any, now: datetime) -> datetime:
        return now + timedelta(days=1)
