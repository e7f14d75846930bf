"""Messages between a node and its worker process: one JSON value per line, over a socket."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import Any

_CHUNK = 64 * 1024


class Channel:
    """One end of the channel; any thread may send, only one thread may receive."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)  # even if the user has called `socket.setdefaulttimeout`
        self._sock = sock
        self._lock = threading.Lock()
        self._rest = b""
        self._waiting: list[Any] = []

    def fileno(self) -> int:
        """Return the file descriptor, for a selector."""
        return self._sock.fileno()

    def send(self, message: Any) -> None:
        """Send one message; raises OSError if the other end is closed."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._sock.sendall(line)

    def receive(self) -> Any:
        """Wait for the next message and return it; None if the other end is closed."""
        while not self._waiting:
            messages = self.receive_some()
            if messages is None:
                return None
            self._waiting = messages[::-1]
        return self._waiting.pop()

    def receive_some(self) -> list[Any] | None:
        """Wait for bytes and return the messages they complete; None if the other end is closed."""
        try:
            chunk = self._sock.recv(_CHUNK)
        except OSError:
            return None
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [message for line in lines if (message := _parsed(line)) is not None]

    def finish(self) -> None:
        """Signal to the other end that nothing more will be sent."""
        with suppress(OSError):  # it is already closed
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end."""
        self._sock.close()


def _parsed(line: bytes) -> Any:
    """Return the message of a line; None if the death of the sender cut it short."""
    try:
        return json.loads(line)
    except ValueError:
        return None
