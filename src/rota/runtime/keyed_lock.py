"""A lock for each key, shared by threads and coroutines."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from rota.errors import StateError


class _Turn(NamedTuple):
    """The holder of a lock; the future is done when the lock is released."""

    over: Future[None]
    thread: int
    task: Any  # of a coroutine


class KeyedLock:
    """A lock for each key; a coroutine that waits for one does not block its event loop."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: dict[str, _Turn] = {}

    @contextmanager
    def of_thread(self, key: str) -> Iterator[None]:
        """Hold the lock of `key` in this thread; raises StateError if it already holds it."""
        while (other := self._take(key)) is not None:
            other.result()
        try:
            yield
        finally:
            self._give(key)

    @asynccontextmanager
    async def of_coroutine(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of `key` in this asyncio task; raises StateError if it already holds it."""
        import asyncio  # only if needed, see `executors.awaitables`

        me = asyncio.current_task()
        while (other := self._take(key, me)) is not None:
            await asyncio.wrap_future(other)
        try:
            yield
        finally:
            self._give(key)

    def _take(self, key: str, task: Any = None) -> Future[None] | None:
        """Acquire the lock and return None, or return the future of its present holder."""
        mine = _Turn(Future(), threading.get_ident(), task)
        mine.over.set_running_or_notify_cancel()  # so that no waiter can cancel it
        turn = self._taken.setdefault(key, mine)  # atomic: this saves the cost of a lock
        if turn is mine:
            return None
        if turn.thread == mine.thread if task is None else turn.task is task:
            raise StateError(
                f"A step with the key {key!r} would wait for itself.",
                remedy="Give the inner step a key of its own; in a coroutine, await an async def.",
            )
        return turn.over

    def _give(self, key: str) -> None:
        self._taken.pop(key).over.set_result(None)
