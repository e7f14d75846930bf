"""The cache in this process's memory: bounded, and shared by its threads and event loops."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from rota.runtime import fork_safety
from rota_xcore.caching.store import ABSENT, ENDLESS

_LIMIT = 100_000


class MemoryStore:
    """A store of at most `limit` texts; the least recently used goes first. It has no thread."""

    def __init__(self, *, limit: int = _LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = (
            fork_safety.new_lock()
        )  # the task loop and the application's loop live in different threads
        self._entries: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def get(self, key: str) -> str | None:
        with self._lock:
            entry = self._living(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    async def set(self, key: str, text: str, ttl: float | None) -> None:
        with self._lock:
            self._entries[key] = text, math.inf if ttl is None else self._clock() + ttl
            self._entries.move_to_end(key)
            if len(self._entries) > self._limit:
                self._make_room()

    async def delete(self, *keys: str) -> int:
        with self._lock:
            living = [key for key in keys if self._living(key)]
            for key in living:
                del self._entries[key]
            return len(living)

    async def expire(self, key: str, ttl: float) -> bool:
        with self._lock:
            entry = self._living(key)
            if entry is not None:
                self._entries[key] = entry[0], self._clock() + ttl
            return entry is not None

    async def ttl(self, key: str) -> int:
        with self._lock:
            entry = self._living(key)
            if entry is None:
                return ABSENT
            return ENDLESS if entry[1] == math.inf else math.ceil(entry[1] - self._clock())

    async def keys(self, pattern: str) -> list[str]:
        with self._lock:
            self._sweep()
            return [key for key in self._entries if fnmatchcase(key, pattern)]

    async def ping(self) -> bool:
        return True

    async def info(self) -> dict[str, Any]:
        return {"backend": "memory", "limit": self._limit}

    async def close(self) -> None:
        """Do nothing: there is no connection to close."""

    def _living(self, key: str) -> tuple[str, float] | None:
        entry = self._entries.get(key)
        if entry is not None and entry[1] <= self._clock():
            del self._entries[key]
            return None
        return entry

    def _make_room(self) -> None:
        self._sweep()
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def _sweep(self) -> None:
        now = self._clock()
        for key in [key for key, entry in self._entries.items() if entry[1] <= now]:
            del self._entries[key]
