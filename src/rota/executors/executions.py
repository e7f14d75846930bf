"""The attempts of an executor: each ends once, or is abandoned and stuck until it ends."""

from __future__ import annotations

import os
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports.executor import AttemptSpec, Done, Stuck
from rota.definitions.arguments import parameters_of
from rota.executors import results
from rota.executors.memory_sampler import sampler
from rota.runtime import fork_safety
from rota.runtime.log_notes import keep
from rota.runtime.log_queue import queued
from rota.task_api import output_capture
from rota.task_api.current_run import (
    CurrentRun,
    cancel_requested,
    cancel_seen,
    close,
    request_cancel,
)

_log = queued(__name__)

CANCELLED = Outcome(OutcomeKind.CANCELLED)


class Execution:
    """One call in flight."""

    __slots__ = ("abandoned_at", "begun", "call", "done", "mark", "pid", "run")

    def __init__(self, call: AttemptSpec, done: Done, run: CurrentRun | None = None) -> None:
        self.call = call
        self.done = done
        self.run = run or CurrentRun(call)
        self.begun = False
        self.mark = 0
        self.pid = os.getpid()
        self.abandoned_at = 0.0

    def called(self) -> Any:
        """Call the function with arguments rebuilt from the stored ones, and return its result."""
        call = self.call
        if not call.args and not call.kwargs:
            return call.func()
        args, kwargs = parameters_of(call.func).rebuilt(call.args, call.kwargs)
        return call.func(*args, **kwargs)

    def returned(self, value: Any) -> Outcome:
        """Return the outcome of a call that returned."""
        fork_safety.end_if_child(self.pid)
        if cancel_seen(self.run):
            return CANCELLED
        return results.succeeded(value, sampler.peak(self.mark), self.call.func)

    def raised(self, exc: BaseException) -> Outcome:
        """Return the outcome of a call that raised: cancelled only if that was requested."""
        fork_safety.end_if_child(self.pid, exc)
        run = self.run
        obeys = cancel_seen(run) or (cancel_requested(run) and isinstance(exc, CancelledError))
        if obeys:
            return results.failed(exc, sampler.peak(self.mark), OutcomeKind.CANCELLED)
        outcome = results.raised(exc, sampler.peak(self.mark))
        return outcome._replace(cause=keep(exc)) if outcome.error else outcome


A = TypeVar("A", bound=Execution)


class Attempts(Generic[A]):
    """The open and the stuck attempts; each transition happens once, on whichever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        self._open: dict[AttemptSpec, A] = {}
        self._stuck: dict[AttemptSpec, A] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> list[A]:
        """Return the attempts that have not ended."""
        with self._lock:
            return list(self._open.values())

    def abandoned(self) -> list[A]:
        """Return the abandoned attempts that still run."""
        with self._lock:
            return list(self._stuck.values())

    def add(self, attempts: Sequence[A]) -> None:
        """Add new attempts."""
        with self._lock:
            for attempt in attempts:
                self._open[attempt.call] = attempt

    def begin(self, attempt: A) -> bool:
        """Mark an attempt as begun, if it is still open; returns whether it is.

        From now on it occupies a slot.
        """
        with self._lock:
            attempt.begun = attempt.call in self._open
        output_capture.keep()
        attempt.mark = sampler.mark()
        return attempt.begun

    def tell(self, call: AttemptSpec) -> A | None:
        """Request the cancellation of a call; returns its attempt if that has begun.

        An attempt that has not begun ends here.
        """
        with self._lock:
            attempt = self._open.get(call)
            if attempt is None:
                return None
            request_cancel(attempt.run)
            if attempt.begun:
                return attempt
        self.end(attempt, CANCELLED)
        return None

    def end(self, attempt: A, outcome: Outcome) -> bool:
        """Report the outcome, unless the attempt was abandoned or has ended.

        Returns whether it was reported.
        """
        with self._lock:
            mine = self._open.pop(attempt.call, None) is not None
            if not mine:
                self._stuck.pop(attempt.call, None)
            elif not self._open:
                self._empty.notify_all()
        if mine:
            close(attempt.run)
            try:
                attempt.done(attempt.call, outcome)
            except Exception:
                _log.exception("The end of run %s could not be reported", attempt.call.run_id)
        return mine

    def wait_until_empty(self, timeout: float) -> None:
        """Wait until all attempts have ended, up to `timeout` seconds."""
        with self._lock:
            self._empty.wait_for(lambda: not self._open, timeout)

    def abandon(self, call: AttemptSpec) -> A | None:
        """Give up on a call; returns its attempt if that still runs."""
        with self._lock:
            attempt = self._open.pop(call, None)
            if attempt is None:
                return None
            request_cancel(attempt.run)
            attempt.abandoned_at = time.monotonic()
            if attempt.begun:
                self._stuck[call] = attempt
        close(attempt.run)
        return attempt if attempt.begun else None

    def stuck(self, place: Callable[[A], str]) -> list[Stuck]:
        """Return the abandoned attempts that still run; `place` returns the location of one."""
        return [
            Stuck(one.call.run_id, one.call.task_id, place(one), one.abandoned_at)
            for one in self.abandoned()
        ]
