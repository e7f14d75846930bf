"""Caching answers by their cost: a page refreshes more often than some answers are worth."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rota.core.ports.clock import Clock

T = TypeVar("T")

SHARE = 10
"""How many times longer an answer is cached than it took to compute."""
_MOST = 32


class CostCache(Generic[T]):
    """A cache of answers that spends about a tenth of the time on computing them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Any, tuple[float, T]] = {}

    def get(self, key: Any, find: Callable[[], T]) -> T:
        """Return the cached answer of this key, or call `find`; one thread at a time calls it."""
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
            began = self._clock.monotonic()
            if answer is None or began >= until:
                answer = find()
                ended = self._clock.monotonic()
                self._kept.pop(key, None)
                self._kept[key] = ended + SHARE * (ended - began), answer
                if len(self._kept) > _MOST:
                    del self._kept[next(iter(self._kept))]
            return answer
