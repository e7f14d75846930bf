"""The one thread of a process that writes: what arrived during a commit goes into the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from rota.core.ports.clock import Clock
from rota.core.ports.ledger import Transaction
from rota.errors import LedgerCorruptError, LedgerUnavailableError, StateError
from rota.ledger.database import Database
from rota.ledger.errors import ContendedError, closed
from rota.ledger.transaction import SqlTransaction
from rota.runtime import fork_safety
from rota.runtime.engine_threads import on_own_thread

T = TypeVar("T")

LARGEST_GROUP = 1000  # operations in one commit, so that the first never waits long for the last

CONTENDED_TRIES = 5


class _Job(NamedTuple):
    operation: Callable[[Transaction], Any]
    future: Future[Any]


class Writer:
    """Takes operations from any thread and commits them in groups on its own.

    A caller that waits for its operation anyway commits it itself while nothing else is to be
    written: two changes of threads cost more than most operations. Once others wait, they are a
    group, and the thread commits it.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._turn = fork_safety.new_lock()  # held during a commit
        self._waiting = 0  # operations that no commit has taken yet
        self._thread: threading.Thread | None = None
        self._committing: int | None = None  # the thread that commits its own operation
        self._latency = 0.0
        self._began: float | None = None  # the start of the commit in progress

    def start(self) -> None:
        """Start to work; safe to call twice."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=on_own_thread, args=(self._work,), name="rota-ledger-writer", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Finish what was handed over, and what a caller commits itself, then end; safe to call
        twice, and without a start."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()
        with self._turn:
            pass  # a commit on the thread of its caller has ended

    def latency(self) -> float:
        """Return how long the last commit took, in seconds; while one is in progress, how long it
        has taken so far.
        """
        began = self._began
        return self._latency if began is None else self._clock.monotonic() - began

    def submit(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Hand an operation over; its future ends after the commit."""
        future: Future[T] = Future()
        with self._lock:
            if self._thread is not None:
                self._waiting += 1
                self._queue.put(_Job(operation, future))
                return future
        future.set_exception(closed(self._database.url))
        return future

    def run(self, operation: Callable[[Transaction], T]) -> T:
        """Run an operation, and return its result after the commit."""
        if self._waiting or not self._turn.acquire(blocking=False):
            if self._committing == threading.get_ident():  # the writer would wait for this thread
                raise StateError(
                    "this thread is writing to the ledger: a signal handler interrupted it.",
                    remedy="Let the handler start a thread that enqueues, or set an event.",
                )
            return self.submit(operation).result()
        self._committing = threading.get_ident()
        try:
            if self._thread is None:
                raise closed(self._database.url)
            began = self._began = self._clock.monotonic()
            with self._database.gateway() as connection:
                result = operation(SqlTransaction(connection))
            self._latency = self._clock.monotonic() - began
            self._database.committed.give()
            return result
        except ContendedError:
            contended = True
        finally:
            self._began = None
            self._committing = None
            self._turn.release()
        assert contended
        return self.submit(operation).result()  # whose thread tries again

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            group = [job]
            with self._turn:
                ended = self._collect(group)
                with self._lock:
                    self._waiting -= len(group)
                group = [job for job in group if job.future.set_running_or_notify_cancel()]
                if group:
                    self._commit(group)
                    self._began = None
            if ended:
                return

    def _collect(self, group: list[_Job]) -> bool:
        """Add what waits to the group; True when the end was among it."""
        while len(group) < LARGEST_GROUP:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return False
            if job is None:
                return True
            group.append(job)
        return False

    def _commit(
        self,
        group: list[_Job],
        tries: int = CONTENDED_TRIES,
    ) -> None:
        began = self._began = self._clock.monotonic()
        try:
            results = self._run(group)
        except ContendedError as error:  # alone, an operation takes its locks in one order
            self._separately(group, error, tries - 1)
        except (LedgerUnavailableError, LedgerCorruptError) as error:
            _fail(group, error)  # it is the ledger, so it is all of them
        except BaseException as error:
            self._separately(group, error, tries if len(group) > 1 else 0)
        else:
            self._latency, self._began = self._clock.monotonic() - began, None
            self._database.committed.give()
            for job, result in zip(group, results, strict=True):
                job.future.set_result(result)

    def _separately(self, group: list[_Job], error: BaseException, tries: int) -> None:
        """Commit each job of a group that failed on its own, while there are tries left."""
        for job in group:
            if tries:
                self._commit([job], tries)
            else:
                _fail([job], error)

    def _run(self, group: list[_Job]) -> list[Any]:
        with self._database.gateway() as connection:
            transaction = SqlTransaction(connection)
            return [job.operation(transaction) for job in group]


def _fail(group: list[_Job], error: BaseException) -> None:
    for job in group:
        job.future.set_exception(error)
