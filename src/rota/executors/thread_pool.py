"""A pool of threads, each of which executes one attempt at a time."""

from __future__ import annotations

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextvars import Context
from queue import SimpleQueue

from rota.core.outcome import Outcome
from rota.core.ports.executor import AttemptSpec, Done, Stuck
from rota.errors import StateError
from rota.executors.executions import Attempts, Execution
from rota.executors.memory_sampler import sampler


class PoolThread(threading.Thread):
    """A thread of the pool."""

    def __init__(self, attempts: Attempts[PooledAttempt], queue: Queue, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._attempts = attempts
        self._queue = queue
        self._plain_name = name

    def run(self) -> None:
        """Execute attempts until the pool shuts down, or until one was abandoned on this thread."""
        try:
            while (attempt := self._queue.get()) is not None:
                attempt.pool_thread = self
                if self._attempts.begin(attempt) and not self._see_through(attempt):
                    break
        finally:
            self.close()

    def _see_through(self, attempt: PooledAttempt) -> bool:
        self.name = f"{self._plain_name} [{attempt.call.task_id}]"
        # A context of its own: context variables of the task do not reach the next one.
        try:
            outcome = Context().run(self.perform, attempt)
        except BaseException as exc:
            outcome = attempt.raised(exc)
        self.name = self._plain_name
        return self._attempts.end(attempt, outcome)

    def perform(self, attempt: PooledAttempt) -> Outcome:
        """Execute the attempt; it fails if this raises."""
        raise NotImplementedError

    def halt(self, attempt: PooledAttempt) -> None:
        """Request the end of the attempt that this thread executes; called on another thread."""

    def give_up(self, attempt: PooledAttempt) -> None:
        """Handle that the attempt was abandoned; called on another thread."""

    def close(self) -> None:
        """Release the resources of this thread, at its end."""


class PooledAttempt(Execution):
    """An attempt in a pool; it has a thread (its `pool_thread`) once it has begun."""

    __slots__ = ("pool_thread",)

    def __init__(self, call: AttemptSpec, done: Done) -> None:
        super().__init__(call, done)
        self.pool_thread: PoolThread | None = None


Queue = SimpleQueue[PooledAttempt | None]  # None: end the thread


class Pool(ABC):
    """Threads on demand, up to `slots`; the thread of an abandoned attempt is replaced."""

    patience = 1.0  # seconds for running attempts at shutdown

    def __init__(self, slots: int, name: str) -> None:
        self.attempts = Attempts[PooledAttempt]()
        self._slots = slots
        self._name = name
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._threads: set[PoolThread] = set()
        self._queue: Queue = SimpleQueue()
        self._running = False

    @property
    def slots(self) -> int:
        """The number of attempts that may run at once; further ones wait."""
        return self._slots

    def start(self) -> None:
        """Start the pool; its threads start with the calls. Does nothing if it is started."""
        with self._lock:
            if not self._running:
                self._running = True
                self._queue = SimpleQueue()
                sampler.acquire()

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; raises StateError before `start`."""
        if not self._running:
            raise StateError(f"{type(self).__name__} is not running.", remedy="Call start() first.")
        attempts = [PooledAttempt(call, done) for call in calls]
        self.attempts.add(attempts)
        for attempt in attempts:
            self._queue.put(attempt)
        self._fill()

    def stop(self, call: AttemptSpec) -> None:
        """Request the end of an attempt; one that still waits ends at once."""
        attempt = self.attempts.tell(call)
        if attempt is not None and attempt.pool_thread is not None:
            attempt.pool_thread.halt(attempt)

    def abandon(self, call: AttemptSpec) -> None:
        """Give up on the attempt; its thread ends with it, and another thread replaces it."""
        attempt = self.attempts.abandon(call)
        if attempt is not None and attempt.pool_thread is not None:
            attempt.pool_thread.give_up(attempt)
            with self._lock:
                self._threads.discard(attempt.pool_thread)
            self._fill()

    def stuck(self) -> list[Stuck]:
        """Return the abandoned attempts that still run, and where."""
        return self.attempts.stuck(self.place)

    def shutdown(self) -> None:
        """Request the end of all attempts, wait up to `patience` seconds, and end the threads."""
        with self._lock:
            if not self._running:
                return
            self._running = False
            pool_threads, self._threads = self._threads, set()
        for attempt in self.attempts.open():
            self.stop(attempt.call)
        for _ in pool_threads:
            self._queue.put(None)
        deadline = time.monotonic() + self.patience
        for pool_thread in pool_threads:
            if pool_thread is not threading.current_thread():
                pool_thread.join(max(0.0, deadline - time.monotonic()))
        for attempt in self.attempts.open():
            self.abandon(attempt.call)
        sampler.release()

    @abstractmethod
    def place(self, attempt: PooledAttempt) -> str:
        """Return the code location of an abandoned attempt."""

    @abstractmethod
    def new_thread(self, queue: Queue, name: str) -> PoolThread:
        """Return a thread of the right kind, not started."""

    def _fill(self) -> None:
        if len(self._threads) >= self._slots:
            return
        with self._lock:
            while self._running and len(self._threads) < min(self._slots, len(self.attempts)):
                pool_thread = self.new_thread(self._queue, f"{self._name}-{next(self._numbers)}")
                try:
                    pool_thread.start()
                except RuntimeError:  # the system allows no more threads: fewer do the work
                    if self._threads:
                        return
                    raise
                self._threads.add(pool_thread)
