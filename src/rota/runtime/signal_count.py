"""A signal that any thread may give, and any number of threads wait for."""

from __future__ import annotations

import threading


class SignalCount:
    """Counts how often it was given; a waiter names the count that it has seen."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting = 0
        self.count = 0

    def give(self) -> None:
        """Wake every waiter; quick if there is none."""
        with self._changed:
            self.count += 1
            if self._waiting:
                self._changed.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        """Wait until the count is another one than was seen, at most `timeout` seconds."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self.count != seen, timeout)
            finally:
                self._waiting -= 1
