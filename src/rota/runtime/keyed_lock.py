"""Who may do something under a key: one after the other, threads and coroutines alike."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from rota.errors import StateError


class _Turn(NamedTuple):
    """Somebody's turn; the future ends with it."""

    over: Future[None]
    thread: int
    task: Any  # of a coroutine


class KeyedLock:
    """A lock for each key; a coroutine that waits for one lets its loop go on."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: dict[str, _Turn] = {}

    @contextmanager
    def of_thread(self, key: str) -> Iterator[None]:
        """Wait for the turn of this thread; raises StateError where it would wait for itself."""
        while (other := self._take(key)) is not None:
            other.result()
        try:
            yield
        finally:
            self._give(key)

    @asynccontextmanager
    async def of_coroutine(self, key: str) -> AsyncIterator[None]:
        """Wait for the turn of this task; raises StateError where it would wait for itself."""
        import asyncio  # only where it is needed, see `executors.awaitables`

        me = asyncio.current_task()
        while (other := self._take(key, me)) is not None:
            await asyncio.wrap_future(other)
        try:
            yield
        finally:
            self._give(key)

    def _take(self, key: str, task: Any = None) -> Future[None] | None:
        """Take the turn, or return what ends with that of another."""
        mine = _Turn(Future(), threading.get_ident(), task)
        mine.over.set_running_or_notify_cancel()  # so that nobody who waits cancels it
        turn = self._taken.setdefault(key, mine)  # atomic: no lock is needed, nor its cost
        if turn is mine:
            return None
        if turn.thread == mine.thread if task is None else turn.task is task:
            raise StateError(
                f"What goes on here under the key {key!r} would wait for itself.",
                remedy="Give the inner step a key of its own; in a coroutine, await an async def.",
            )
        return turn.over

    def _give(self, key: str) -> None:
        self._taken.pop(key).over.set_result(None)
