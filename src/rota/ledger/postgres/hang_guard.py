"""Ends the wait for a server that neither answers nor closes the connection."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

_LOOK = 1.0  # seconds between two looks


class HangGuard:
    """Cuts connections that were used for too long without a break.

    The server's own time limits do not help if it is frozen, nor do those of TCP if its machine
    still acknowledges what it is sent.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._used: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rota-ledger-patience", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop cutting connections."""
        self._stop.set()
        self._thread.join()

    @contextlib.contextmanager
    def using(self, descriptor: int) -> Iterator[None]:
        """Mark the connection with this socket as used meanwhile."""
        with self._lock:
            self._used[descriptor] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._used[descriptor]

    def _work(self) -> None:
        while not self._stop.wait(_LOOK):
            with self._lock:  # so that none of them is closed meanwhile, and its number reused
                oldest = time.monotonic() - self._limit
                for descriptor, since in self._used.items():
                    if since < oldest:
                        _cut(descriptor)


def _cut(descriptor: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as same:
        same.shutdown(socket.SHUT_RDWR)  # the reader waiting on it then reads the end
