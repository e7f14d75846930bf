"""Running coroutines, on rota's own event loop or on the application's."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any, NamedTuple

from rota.core.ports.executor import AttemptSpec, Done, Stuck
from rota.errors import StateError
from rota.executors import stack_location
from rota.executors.coroutines.task_loop import AioAttempt, HeldLoop, TaskLoop
from rota.executors.executions import Attempts
from rota.executors.memory_sampler import sampler
from rota.task_api.current_run import CurrentRun, cancel_requested, has_ended

_LOOKS = 5  # at a coroutine that keeps changing between working and waiting
_PATIENCE = 1.0  # seconds for cancelled coroutines at shutdown


class BlockedLoop(NamedTuple):
    """The code that blocks the loop, so that no other coroutine runs."""

    run_id: str | None  # None: code of no run, on the application's loop
    task_id: str | None
    place: str  # "file:line, in function"
    seconds: float


class AioExecutor:
    """An executor of coroutines on one loop; a loop blocked by an abandoned coroutine is replaced.

    New calls wait in one queue that the current loop drains, so replacing a loop strands none of
    them.
    """

    def __init__(
        self,
        slots: int = 1000,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        name: str = "rota-loop",
    ) -> None:
        self._slots = slots
        self._application_loop = loop
        self._name = name
        self._lock = threading.Lock()
        self._task_loop: TaskLoop | None = None
        self._loops_made = 0
        self._queue: deque[AioAttempt] = deque()
        self._attempts = Attempts[AioAttempt]()

    @property
    def slots(self) -> int:
        """The number of coroutines that may run at once."""
        return self._slots

    def start(self) -> None:
        """Start the loop, or attach to the application's; does nothing if it is started."""
        with self._lock:
            if self._task_loop is None:
                sampler.acquire()
                self._task_loop = self._new_task_loop()

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; raises StateError before `start`."""
        if self._task_loop is None:
            raise StateError("The task loop is not running.", remedy="Call start() first.")
        attempts = [AioAttempt(call, done) for call in calls]
        self._attempts.add(attempts)
        self._queue.extend(attempts)
        # Read after the queue was filled: a loop that takes over in between drains it itself.
        self._wake(self._task_loop)

    def adopt(
        self,
        call: AttemptSpec,
        run: CurrentRun,
        given: Awaitable[Any],
        context: Context,
        done: Done,
    ) -> None:
        """Await the awaitable that a call in another executor returned, in `context`.

        It is part of the same attempt; it ends, is stopped and is abandoned like any other.
        Raises StateError before `start`.
        """
        attempt = AioAttempt(call, done, run, given=given, context=context)
        if self._task_loop is None:
            attempt.forget()
            raise StateError("The task loop is not running.", remedy="Call start() first.")
        self._attempts.add([attempt])
        self._queue.append(attempt)
        self._wake(self._task_loop)
        if cancel_requested(run):  # it was asked to stop during the call
            self.stop(call)

    def stop(self, call: AttemptSpec) -> None:
        """Cancel the coroutine."""
        attempt = self._attempts.tell(call)
        if attempt is not None and attempt.task_loop is not None:
            with suppress(RuntimeError):  # the application's loop is closed
                attempt.task_loop.loop.call_soon_threadsafe(attempt.cancel)

    def abandon(self, call: AttemptSpec) -> None:
        """Give up on the coroutine; if it blocks the loop, the others get a new one."""
        if self._attempts.abandon(call) is not None:
            self.blocked()

    def stuck(self) -> list[Stuck]:
        """Return the abandoned coroutines that still run, and where each one waits or works."""
        return self._attempts.stuck(_place)

    def blocked(self) -> BlockedLoop | None:
        """Return what blocks the loop, if it has not answered for about 0.4 s; cheap.

        If an abandoned run blocks rota's own loop, that loop is replaced by a new one.
        """
        task_loop = self._task_loop
        seconds = 0.0 if task_loop is None else task_loop.silent()
        held = task_loop.held() if task_loop is not None and seconds else None
        if task_loop is None or held is None:
            return None
        place = task_loop.place()
        if not task_loop.silent():
            return None  # it answered in the meantime
        if held.run is not None and has_ended(held.run):
            self._replace(task_loop)
        run = held.run
        return BlockedLoop(run.id if run else None, run.task_id if run else None, place, seconds)

    def shutdown(self) -> None:
        """Cancel all coroutines, wait for them up to a second, and end rota's own loop.

        The application's loop keeps running. A coroutine that ignores its cancellation ends with
        its loop, unless it blocks the loop: a thread cannot be killed.
        """
        with self._lock:
            task_loop, self._task_loop = self._task_loop, None
        if task_loop is None:
            return
        for attempt in self._attempts.open():
            self.stop(attempt.call)
        task_loop.retire()
        if not task_loop.is_here():
            self._attempts.wait_until_empty(_PATIENCE)
        for attempt in self._attempts.open():
            self._attempts.abandon(attempt.call)
        for left in {task_loop, *self._loops_of_abandoned()}:
            left.drop()
        if not task_loop.is_here():
            task_loop.join(0.0 if task_loop.silent() else _PATIENCE)
        self._queue.clear()
        sampler.release()

    def _loops_of_abandoned(self) -> list[TaskLoop]:
        return [deaf.task_loop for deaf in self._attempts.abandoned() if deaf.task_loop is not None]

    def _replace(self, task_loop: TaskLoop) -> None:
        with self._lock:
            if task_loop is self._task_loop and not task_loop.is_the_applications:
                self._task_loop = self._new_task_loop()
                task_loop.retire()
                self._wake(self._task_loop)

    def _new_task_loop(self) -> TaskLoop:
        self._loops_made += 1
        task_loop = TaskLoop(
            self._attempts, self._application_loop, f"{self._name}-{self._loops_made}"
        )
        task_loop.start()
        return task_loop

    def _wake(self, task_loop: TaskLoop) -> None:
        # An empty context: the task must not see the variables of the caller's.
        try:
            task_loop.loop.call_soon_threadsafe(self._drain, task_loop, context=Context())
        except RuntimeError as closed:  # the application closed its loop
            while self._queue:
                attempt = self._queue.popleft()
                attempt.forget()
                self._attempts.end(attempt, attempt.raised(closed))

    def _drain(self, task_loop: TaskLoop) -> None:
        while self._queue and task_loop is self._task_loop:
            task_loop.take(self._queue.popleft())


def _place(attempt: AioAttempt) -> str:
    if attempt.task_loop is None or attempt.task is None:
        return stack_location.UNKNOWN
    for _ in range(_LOOKS):
        waits_for = getattr(attempt.task.get_coro(), "cr_await", None)
        if waits_for is not None:
            return stack_location.of_coroutine(waits_for)
        place = attempt.task_loop.place()
        if attempt.task_loop.held() == HeldLoop(attempt.run):
            return place  # it was working, and still is
    return stack_location.UNKNOWN
