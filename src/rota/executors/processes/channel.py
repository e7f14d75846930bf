"""Messages between a worker process and us: one JSON value a line, over a socket."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import Any

_CHUNK = 64 * 1024


class Channel:
    """One end; sending is safe from any thread, receiving is one thread's business."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)  # whatever `socket.setdefaulttimeout` made of the pair it is one of
        self._sock = sock
        self._lock = threading.Lock()
        self._rest = b""
        self._waiting: list[Any] = []

    def fileno(self) -> int:
        """Return the descriptor, to wait for."""
        return self._sock.fileno()

    def send(self, message: Any) -> None:
        """Send one message; raises OSError when the other end is gone."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._sock.sendall(line)

    def receive(self) -> Any:
        """Wait for the next message; None when the other end is gone."""
        while not self._waiting:
            messages = self.receive_some()
            if messages is None:
                return None
            self._waiting = messages[::-1]
        return self._waiting.pop()

    def receive_some(self) -> list[Any] | None:
        """Wait for bytes and return the messages they complete; None when the other end is gone."""
        try:
            chunk = self._sock.recv(_CHUNK)
        except OSError:
            return None
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [message for line in lines if (message := _parsed(line)) is not None]

    def finish(self) -> None:
        """Tell the other end that nothing more will be sent."""
        with suppress(OSError):  # it is gone already
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end."""
        self._sock.close()


def _parsed(line: bytes) -> Any:
    """Return the message, None for one that was cut short by the sender's death."""
    try:
        return json.loads(line)
    except ValueError:
        return None
