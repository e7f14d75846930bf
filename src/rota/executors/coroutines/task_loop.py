"""An event loop for attempts, with its own thread or the application's, watched for blocking."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable
from contextlib import suppress
from contextvars import Context
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any, NamedTuple

from rota.core.ports.executor import AttemptSpec, Done
from rota.diagnosis import thresholds
from rota.executors import stack_location
from rota.executors.executions import CANCELLED, Attempts, Execution
from rota.logs import queued
from rota.runtime.cadence import until_beat
from rota.task_api.current_run import CurrentRun, enter, run_in

_CLEAN_UP = 0.5  # seconds for tasks and generators that coroutines left behind

_HANDLE = asyncio.Handle._run.__code__
_log = queued(__name__)


class AioAttempt(Execution):
    """A coroutine in flight, as an asyncio task on a loop."""

    __slots__ = ("context", "given", "task", "task_loop")

    def __init__(
        self,
        call: AttemptSpec,
        done: Done,
        run: CurrentRun | None = None,
        *,
        given: Awaitable[Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Create it for a call; `given` is what the call returned elsewhere, in `context`."""
        super().__init__(call, done, run)
        self.given = given
        self.context = context
        self.task_loop: TaskLoop | None = None
        self.task: asyncio.Task[None] | None = None

    def called(self) -> Any:
        """Call the function, unless it was called elsewhere, and return its result."""
        return Execution.called(self) if self.given is None else self.given

    def forget(self) -> None:
        """Close a coroutine that must not begin, so that Python does not warn about it."""
        if iscoroutine(self.given):
            self.given.close()

    def cancel(self) -> None:
        """Cancel the asyncio task; called on its loop."""
        if self.task is not None:
            self.task.cancel()


class HeldLoop(NamedTuple):
    """The code that executes on a loop at this moment: a run's, or code of no run."""

    run: CurrentRun | None


class TaskLoop:
    """A loop that runs attempts until it is retired and the last attempt has ended."""

    def __init__(
        self,
        attempts: Attempts[AioAttempt],
        loop: asyncio.AbstractEventLoop | None,
        name: str,
    ) -> None:
        self.is_the_applications = loop is not None
        self.loop = loop or asyncio.new_event_loop()
        self._attempts = attempts
        self._here: set[AioAttempt] = set()  # not ended; accessed only on the loop
        self._ident: int | None = None
        self._alive = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._retired = False
        self._dropped = False
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Start to tick, on a thread of its own unless the loop is the application's."""
        with suppress(RuntimeError):  # the application's, and already closed
            self.loop.call_soon_threadsafe(self._tick, context=Context())
        if not self.is_the_applications:
            self._thread.start()

    def take(self, attempt: AioAttempt) -> None:
        """Start an attempt; called on the loop, in an empty context."""
        attempt.task_loop = self
        self._here.add(attempt)
        coro = self._perform(attempt)
        if attempt.context is None:
            attempt.task = self.loop.create_task(coro)
        else:
            attempt.task = self.loop.create_task(coro, context=attempt.context)
        if self.is_the_applications:
            # The application may end its loop before the coroutine's first step.
            attempt.task.add_done_callback(partial(self._over, attempt))

    def retire(self) -> None:
        """Let the loop end with its last attempt; the application's loop keeps running."""
        self._retired = True
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(self._left)

    def drop(self) -> None:
        """Let the loop end with attempts still on it, once it is not blocked.

        The application's loop keeps running.
        """
        self._dropped = True
        self.retire()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, up to `timeout` seconds."""
        if not self.is_the_applications:
            self._thread.join(timeout)

    def is_here(self) -> bool:
        """Return whether this is the loop's thread, which cannot wait for itself."""
        return self._ident == threading.get_ident()

    def silent(self) -> float:
        """Return the seconds since the last tick if that is too long ago, otherwise 0."""
        if self._ident is None or not self.loop.is_running():
            return 0.0
        since = time.monotonic() - self._alive
        return since if since > thresholds.TASK_LOOP_SILENT else 0.0

    def held(self) -> HeldLoop | None:
        """Return the code that executes on the loop now, including child tasks and callbacks."""
        for frame in stack_location.frames(self._ident):
            if frame.f_code is _HANDLE:
                return HeldLoop(run_in(frame.f_locals["self"]._context))
            if frame.f_code is _PERFORM:  # the application's loop may not be written in Python
                return HeldLoop(frame.f_locals["attempt"].run)
        return None

    def place(self) -> str:
        """Return the code location of the loop's thread."""
        return stack_location.of_thread(self._ident)

    async def _perform(self, attempt: AioAttempt) -> None:
        if self._attempts.begin(attempt):
            enter(attempt.run)
            try:
                result: Any = attempt.called()
                while result is not None and isawaitable(result):
                    result = await result
                outcome = attempt.returned(result)
            except BaseException as exc:
                outcome = attempt.raised(exc)
            self._attempts.end(attempt, outcome)
        else:
            attempt.forget()
        self._here.discard(attempt)
        if self._retired:
            self._left()

    def _over(self, attempt: AioAttempt, task: asyncio.Task[None]) -> None:
        self._attempts.end(attempt, CANCELLED)

    def _is_over(self) -> bool:
        return self._retired and (self._dropped or not self._here)

    def _left(self) -> None:
        if self._is_over():
            if self._timer is not None:
                self._timer.cancel()
            if not self.is_the_applications:
                self.loop.stop()

    def _tick(self) -> None:
        self._ident = threading.get_ident()
        self._alive = time.monotonic()
        if not self._retired:
            self._timer = self.loop.call_later(until_beat(self.loop.time()), self._tick)

    def _main(self) -> None:
        while not self._is_over() and not self.loop.is_closed():
            # A task of the user's code, or its call of stop(), may end the loop: run it again.
            with suppress(BaseException):
                self.loop.run_forever()
        try:
            _end(self.loop)
        except BaseException:
            _log.exception("The task loop did not end cleanly")
        for attempt in list(self._here):  # it ignored its cancellation, but its code no longer runs
            self._attempts.end(attempt, CANCELLED)


_PERFORM = TaskLoop._perform.__code__


def _end(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    farewell = loop.create_task(_clean_up(loop, left))
    while not farewell.done():  # a pending stop() interrupts the first turn
        with suppress(BaseException):  # those tasks may raise anything
            loop.run_until_complete(farewell)
    for task in left:
        unruly: Any = task
        unruly._log_destroy_pending = False
    loop.close()


async def _clean_up(loop: asyncio.AbstractEventLoop, left: set[asyncio.Task[Any]]) -> None:
    if left:
        await asyncio.wait(left, timeout=_CLEAN_UP)
    with suppress(TimeoutError):
        await asyncio.wait_for(loop.shutdown_asyncgens(), _CLEAN_UP)
