"""The memory of this process, looked at a few times a second by one thread for everybody."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left

import psutil

from rota.runtime import fork_safety
from rota.runtime.cadence import until_beat

_MOST_PEAKS = 256


class Sampler:
    """Knows the highest resident size since a moment; asking costs no look at the system.

    Of all samples it keeps those that no later one exceeds: the peak since any moment is the
    first of them after it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._leave = threading.Event()
        self._count = 0
        self._peaks: tuple[list[int], list[int]] = ([], [])  # numbers of samples, bytes

    def acquire(self) -> None:
        """Take the first sample, and more while anybody is interested."""
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
        """Stop sampling when nobody is interested any more."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._leave.set()

    def mark(self) -> int:
        """Return the present moment, for `peak`."""
        return self._count

    def peak(self, mark: int) -> int | None:
        """Return the highest size in bytes seen since `mark`, the sample before it included."""
        numbers, sizes = self._peaks
        if not sizes:
            return None
        if mark == numbers[-1]:
            return sizes[-1]
        return sizes[min(bisect_left(numbers, mark), len(sizes) - 1)]

    def take(self, size: int) -> None:
        """Take one sample, in bytes; from one thread at a time."""
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
def _nobody_is_interested() -> None:
    """Begin anew in a child: the thread that took the samples is its parent's."""
    sampler.__init__()  # type: ignore[misc]
