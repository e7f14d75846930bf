"""Run ids: 26 characters that sort by the time they were made (the ULID specification)."""

from __future__ import annotations

import os
import threading

from rota.core.time import Instant

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_BITS = 130  # of 26 characters; the first two are always clear
_RANDOM_BITS = 80
_LOW_BITS = 30
_LARGEST_LOW = (1 << _LOW_BITS) - 1


class RunIds:
    """Makes run ids that rise within one process, unique across processes; safe in threads.

    Within one millisecond the random part counts upwards, so that ids sort as they were made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = -1  # of the last id
        self._high = self._low = 0  # its bits: all but the last 30, and these
        self._head = ""  # how the high ones are written

    def new(self, now: Instant) -> str:
        """Return the next id; `now` gives its leading 48 bits, in milliseconds."""
        millisecond = now // 1000
        with self._lock:
            if millisecond > self._millisecond:
                # The top bit stays clear: room to count up without running into the time.
                random = int.from_bytes(os.urandom(10)) >> 1
                self._begin(millisecond << _RANDOM_BITS | random)
            elif self._low < _LARGEST_LOW:
                self._low += 1
            else:
                self._begin(self._high + 1 << _LOW_BITS)
            head, low = self._head, self._low
        return f"{head}{_PAIRS[low >> 20]}{_PAIRS[low >> 10 & 1023]}{_PAIRS[low & 1023]}"

    def _begin(self, value: int) -> None:
        self._high, self._low = value >> _LOW_BITS, value & _LARGEST_LOW
        self._millisecond = value >> _RANDOM_BITS
        self._head = _written(self._high, _BITS - _LOW_BITS)


def _written(value: int, bits: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(bits - 10, -1, -10)])
