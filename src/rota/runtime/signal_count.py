"""A signal that any thread may send, and any number of threads may wait for."""

from __future__ import annotations

import threading


class SignalCount:
    """A counter of signals; a waiter passes the count that it has seen."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting = 0
        self.count = 0

    def give(self) -> None:
        """Wake all waiters; fast if there are none."""
        with self._changed:
            self.count += 1
            if self._waiting:
                self._changed.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        """Wait until the count differs from `seen`, at most `timeout` seconds."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self.count != seen, timeout)
            finally:
                self._waiting -= 1
