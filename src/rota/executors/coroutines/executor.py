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
        self._lent = loop
        self._name = name
        self._lock = threading.Lock()
        self._lane: TaskLoop | None = None
        self._lanes = 0
        self._queue: deque[AioAttempt] = deque()
        self._attempts = Attempts[AioAttempt]()

    @property
    def slots(self) -> int:
        """The number of coroutines that may run at once."""
        return self._slots

    def start(self) -> None:
        """Start the loop, or attach to the application's; does nothing if it is started."""
        with self._lock:
            if self._lane is None:
                sampler.acquire()
                self._lane = self._new_lane()

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; raises StateError before `start`."""
        if self._lane is None:
            raise StateError("The task loop is not running.", remedy="Call start() first.")
        attempts = [AioAttempt(call, done) for call in calls]
        self._attempts.add(attempts)
        self._queue.extend(attempts)
        # Read after the queue was filled: a loop that takes over in between drains it itself.
        self._wake(self._lane)

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
        if self._lane is None:
            attempt.forget()
            raise StateError("The task loop is not running.", remedy="Call start() first.")
        self._attempts.add([attempt])
        self._queue.append(attempt)
        self._wake(self._lane)
        if cancel_requested(run):  # it was asked to stop during the call
            self.stop(call)

    def stop(self, call: AttemptSpec) -> None:
        """Cancel the coroutine."""
        attempt = self._attempts.tell(call)
        if attempt is not None and attempt.lane is not None:
            with suppress(RuntimeError):  # the application's loop is closed
                attempt.lane.loop.call_soon_threadsafe(attempt.cancel)

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
        lane = self._lane
        seconds = 0.0 if lane is None else lane.silent()
        held = lane.held() if lane is not None and seconds else None
        if lane is None or held is None:
            return None
        place = lane.place()
        if not lane.silent():
            return None  # it answered in the meantime
        if held.run is not None and has_ended(held.run):
            self._leave_behind(lane)
        run = held.run
        return BlockedLoop(run.id if run else None, run.task_id if run else None, place, seconds)

    def shutdown(self) -> None:
        """Cancel all coroutines, wait for them up to a second, and end rota's own loop.

        The application's loop keeps running. A coroutine that ignores its cancellation ends with
        its loop, unless it blocks the loop: a thread cannot be killed.
        """
        with self._lock:
            lane, self._lane = self._lane, None
        if lane is None:
            return
        for attempt in self._attempts.open():
            self.stop(attempt.call)
        lane.retire()
        if not lane.is_here():
            self._attempts.wait_until_empty(_PATIENCE)
        for attempt in self._attempts.open():
            self._attempts.abandon(attempt.call)
        for left in {lane, *self._lanes_of_deaf()}:
            left.drop()
        if not lane.is_here():
            lane.join(0.0 if lane.silent() else _PATIENCE)
        self._queue.clear()
        sampler.release()

    def _lanes_of_deaf(self) -> list[TaskLoop]:
        return [deaf.lane for deaf in self._attempts.abandoned() if deaf.lane is not None]

    def _leave_behind(self, lane: TaskLoop) -> None:
        with self._lock:
            if lane is self._lane and not lane.lent:
                self._lane = self._new_lane()
                lane.retire()
                self._wake(self._lane)

    def _new_lane(self) -> TaskLoop:
        self._lanes += 1
        lane = TaskLoop(self._attempts, self._lent, f"{self._name}-{self._lanes}")
        lane.start()
        return lane

    def _wake(self, lane: TaskLoop) -> None:
        # An empty context: the task must not see the variables of the caller's.
        try:
            lane.loop.call_soon_threadsafe(self._drain, lane, context=Context())
        except RuntimeError as closed:  # the application closed its loop
            while self._queue:
                attempt = self._queue.popleft()
                attempt.forget()
                self._attempts.end(attempt, attempt.raised(closed))

    def _drain(self, lane: TaskLoop) -> None:
        while self._queue and lane is self._lane:
            lane.take(self._queue.popleft())


def _place(attempt: AioAttempt) -> str:
    if attempt.lane is None or attempt.task is None:
        return stack_location.UNKNOWN
    for _ in range(_LOOKS):
        waits_for = getattr(attempt.task.get_coro(), "cr_await", None)
        if waits_for is not None:
            return stack_location.of_coroutine(waits_for)
        place = attempt.lane.place()
        if attempt.lane.held() == HeldLoop(attempt.run):
            return place  # it was working, and still is
    return stack_location.UNKNOWN
