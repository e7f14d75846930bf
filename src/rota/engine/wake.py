"""Wakes a coroutine of the service loop from any thread."""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop

from rota.engine.health.turning import current


class Wake:
    """An event that any thread may set; many sets before the waiter runs cost one wake-up."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: AbstractEventLoop | None = None
        self._pending = False
        self._since = 0.0

    @property
    def pending_since(self) -> float | None:
        """Return the monotonic second since which it is set without a waiter having taken it."""
        return self._since if self._pending else None

    def bind(self, loop: AbstractEventLoop) -> None:
        """Bind it to the loop of the waiting coroutine, a new one at each start; earlier sets are
        kept.
        """
        self._loop = loop
        self._event = asyncio.Event()  # one belongs to the first loop that waits for it
        if self._pending:
            loop.call_soon_threadsafe(self._event.set)

    def set(self) -> None:
        """Wake the waiter; quick, and never raises, not even when the loop is gone."""
        if self._pending:
            return
        self._since = time.monotonic()
        self._pending = True
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._event.set)
            except RuntimeError:  # the loop was closed: nothing waits any more
                self._loop = None

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` seconds; False when the time ran out."""
        turning = current()
        if turning is not None:
            turning.rest(timeout)
        try:
            if timeout is None:
                await self._event.wait()
            else:
                async with asyncio.timeout(timeout):
                    await self._event.wait()
        except TimeoutError:
            return False
        finally:
            if turning is not None:
                turning.turn()
        # In this order: a set from another thread in between is then kept, not lost.
        self._pending = False
        self._event.clear()
        return True
