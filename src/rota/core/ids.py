"""Run ids: 26 characters that sort by the time they were made (the ULID specification)."""

from __future__ import annotations

import os
import threading

from rota.core.instants import Instant

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_RANDOM_BITS = 80


class RunIds:
    """Makes run ids that rise within one process, unique across processes; safe in threads.

    Within one millisecond the random part counts upwards, so that ids sort as they were made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._head = (-1, "")  # all but the last 30 bits, and how they are written

    def new(self, now: Instant) -> str:
        """Return the next id; `now` gives its leading 48 bits, in milliseconds."""
        with self._lock:
            floor = (now // 1000) << _RANDOM_BITS
            if self._last >= floor:
                self._last += 1
            else:
                # The top bit stays clear: room to count up without running into the time.
                self._last = floor | int.from_bytes(os.urandom(10)) >> 1
            value = self._last
            if self._head[0] != value >> 30:  # seldom: ids of one millisecond count up
                self._head = (value >> 30, _written(value >> 30, 100))
            head = self._head[1]
        return head + _PAIRS[value >> 20 & 1023] + _PAIRS[value >> 10 & 1023] + _PAIRS[value & 1023]


def _written(value: int, bits: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(bits - 10, -1, -10)])
