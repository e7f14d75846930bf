"""Sampling the memory of this process a few times a second, on one thread for all attempts."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left

import psutil

from rota.runtime import fork_safety
from rota.runtime.cadence import until_beat

_MOST_PEAKS = 256


class Sampler:
    """A sampler that returns the highest resident size since a mark, without a system call.

    Of all samples it keeps those that no later one exceeds: the peak since any mark is the first
    of them after it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._leave = threading.Event()
        self._count = 0
        self._peaks: tuple[list[int], list[int]] = ([], [])  # sample numbers, bytes

    def acquire(self) -> None:
        """Start sampling for one more user; the first sample is taken at once."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._leave = threading.Event()
                self._process = psutil.Process()
                self.take(self._process.memory_info().rss)
                thread = threading.Thread(
                    target=self._watch, args=(self._leave,), name="rota-memory", daemon=True
                )
                thread.start()

    def release(self) -> None:
        """Stop sampling for one user; sampling ends with the last."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._leave.set()

    def mark(self) -> int:
        """Return the number of the last sample, for `peak`."""
        return self._count

    def peak(self, mark: int) -> int | None:
        """Return the highest size in bytes since `mark`, including the sample before it.

        None if no sample has been taken.
        """
        numbers, sizes = self._peaks
        if not sizes:
            return None
        if mark == numbers[-1]:
            return sizes[-1]
        return sizes[min(bisect_left(numbers, mark), len(sizes) - 1)]

    def take(self, size: int) -> None:
        """Record one sample, in bytes; call it from one thread at a time."""
        numbers, sizes = list(self._peaks[0]), list(self._peaks[1])
        while sizes and sizes[-1] <= size:
            del numbers[-1], sizes[-1]
        if len(sizes) >= _MOST_PEAKS:
            del numbers[1], sizes[1]
        self._peaks = ([*numbers, self._count + 1], [*sizes, size])
        self._count += 1

    def _watch(self, leave: threading.Event) -> None:
        while not leave.wait(until_beat(time.monotonic())):
            self.take(self._process.memory_info().rss)


sampler = Sampler()


@fork_safety.in_child
def _reset_in_child() -> None:
    """Reset the sampler in a forked child: the sampling thread exists only in its parent."""
    sampler.__init__()  # type: ignore[misc]
