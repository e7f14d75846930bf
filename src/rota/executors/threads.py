"""Running plain functions in daemon threads."""

from __future__ import annotations

import threading
from collections.abc import Awaitable
from contextvars import copy_context
from inspect import isawaitable
from typing import Any

from rota.core.outcome import Outcome
from rota.core.ports.executor import AttemptSpec
from rota.executors import stack_location
from rota.executors.coroutines.executor import AioExecutor
from rota.executors.executions import CANCELLED
from rota.executors.thread_pool import Pool, PooledAttempt, PoolThread, Queue
from rota.task_api.current_run import enter


class ThreadExecutor(Pool):
    """An executor of plain functions in daemon threads, which can be asked to stop but not killed.

    An awaitable that a function returns is handed to the `loop`, where it is cancelled like any
    coroutine. Its thread waits for it, so it keeps its slot. Without a `loop`, the executor has one
    of its own.
    """

    def __init__(
        self, slots: int = 10, *, loop: AioExecutor | None = None, name: str = "rota-thread"
    ) -> None:
        super().__init__(slots, name)
        self._own = AioExecutor(name=f"{name}-loop") if loop is None else None
        self._loop = loop or self._own

    def start(self) -> None:
        """Start the executor; its threads start with the calls. Does nothing if it is started."""
        super().start()
        if self._own is not None:
            self._own.start()

    def shutdown(self) -> None:
        """Request the end of all attempts, wait up to a second, and end the threads."""
        super().shutdown()
        if self._own is not None:
            self._own.shutdown()

    def place(self, attempt: PooledAttempt) -> str:
        """Return the code location of the attempt's thread."""
        return stack_location.of_thread(attempt.pool_thread.ident if attempt.pool_thread else None)

    def new_thread(self, queue: Queue, name: str) -> PoolThread:
        """Return a thread that calls functions."""
        assert self._loop is not None
        return _CallThread(self.attempts, queue, name, self._loop)


class _Waiting:
    """The wait of a thread for the awaitable that its call returned, on the loop."""

    def __init__(self, attempt: PooledAttempt) -> None:
        self.attempt = attempt
        self.outcome = CANCELLED
        self.over = threading.Event()

    def done(self, call: AttemptSpec, outcome: Outcome) -> None:
        self.outcome = outcome
        self.over.set()


class _CallThread(PoolThread):
    def __init__(self, attempts: Any, queue: Queue, name: str, loop: AioExecutor) -> None:
        super().__init__(attempts, queue, name)
        self._loop = loop
        self._waiting: _Waiting | None = None

    def perform(self, attempt: PooledAttempt) -> Outcome:
        """Call the function; an awaitable result is awaited on the loop."""
        enter(attempt.run)
        result = attempt.called()
        if result is not None and isawaitable(result):
            return self._see_on_the_loop(attempt, result)
        return attempt.returned(result)

    def halt(self, attempt: PooledAttempt) -> None:
        """Cancel the awaitable on the loop; a plain function checks for cancellation by itself."""
        if self._waiting_for(attempt) is not None:
            self._loop.stop(attempt.call)

    def give_up(self, attempt: PooledAttempt) -> None:
        """Give up on the awaitable: it is stuck on the loop, and this thread is free to end."""
        waiting = self._waiting_for(attempt)
        if waiting is not None:
            self._loop.abandon(attempt.call)
            waiting.over.set()

    def _see_on_the_loop(self, attempt: PooledAttempt, result: Awaitable[Any]) -> Outcome:
        self._waiting = waiting = _Waiting(attempt)
        try:
            self._loop.adopt(attempt.call, attempt.run, result, copy_context(), waiting.done)
            waiting.over.wait()
        finally:
            self._waiting = None
        return waiting.outcome

    def _waiting_for(self, attempt: PooledAttempt) -> _Waiting | None:
        waiting = self._waiting
        return waiting if waiting is not None and waiting.attempt is attempt else None
