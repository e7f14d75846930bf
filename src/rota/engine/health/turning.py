"""Whether each loop of the engine turns: its last turn, what it waits for, what ended it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rota.diagnosis.vitals import LoopTurn


class Turning:
    """What is known of one loop; written on the service loop, read from any thread."""

    def __init__(self, name: str, *, pending_since: Callable[[], float | None]) -> None:
        self.name = name
        self.failures = 0  # how often it was started again since its last good turn
        self._pending_since = pending_since  # when it was woken for work
        self._error: str | None = None
        self._at = time.monotonic()  # when it last began to rest or to turn
        self._rests = False
        self._until: float | None = None  # when it turns without being woken
        self._turned = False  # since it was started

    def begin(self) -> None:
        """Note that the loop is started, or started again."""
        _current.set(self)
        self.turn()
        self._turned = False

    def failed(self, error: str) -> None:
        """Note what ended it."""
        self._error = error
        self.failures += 1

    def turn(self) -> None:
        """Note that the loop turns."""
        self._at, self._rests, self._turned = time.monotonic(), False, True

    def rest(self, seconds: float | None) -> None:
        """Note that the loop waits, at most so many seconds, until its next `turn`; the turn before
        it went well.
        """
        if self._turned:
            self._error, self.failures = None, 0
        self._at = time.monotonic()
        self._until = None if seconds is None else self._at + seconds
        self._rests = True

    @contextmanager
    def resting(self, seconds: float | None) -> Iterator[None]:
        """Note that the loop waits in this block, as `rest` does."""
        self.rest(seconds)
        try:
            yield
        finally:
            self.turn()

    def look(self) -> LoopTurn:
        """Return the loop's current state; from any thread."""
        now, at, until, since = time.monotonic(), self._at, self._until, self._pending_since()
        return LoopTurn(
            name=self.name,
            rests=self._rests,
            lasts=now - at,
            overdue=0.0 if until is None else now - until,
            work_waits=0.0 if since is None else now - since,
            error=self._error,
            failures=self.failures,
        )


async def rest(seconds: float) -> None:
    """Sleep between two turns of a loop."""
    with resting(seconds):
        await asyncio.sleep(seconds)


@contextmanager
def resting(seconds: float | None) -> Iterator[None]:
    """Note that the current loop waits in this block, at most so many seconds."""
    turning = _current.get(None)
    if turning is None:
        yield
        return
    with turning.resting(seconds):
        yield


def current() -> Turning | None:
    """Return the current loop, if there is one."""
    return _current.get(None)


def turned() -> None:
    """Note, within a long turn, that the current loop still turns."""
    turning = _current.get(None)
    if turning is not None:
        turning.turn()


_current: ContextVar[Turning] = ContextVar("rota.turning")
