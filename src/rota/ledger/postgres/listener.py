"""Notices the commits of other processes: a thread that waits for PostgreSQL's notifications."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from rota.runtime.engine_threads import on_own_thread

_AGAIN = 1.0  # seconds between two tries to connect
_RENEW = b"!"


class Listener:
    """Counts notifications; starts to listen when its count is first asked for.

    While it is not connected, it counts seconds instead, so that its callers look for themselves
    once a second.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        channel: str,
        counts: Callable[[int], bool],
        tell: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._counts = counts
        self._tell = tell
        self._lock = threading.Lock()
        self._life = threading.Lock()
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._count = 0
        self._disconnected_since: float | None = None
        self._wake_receiver, self._wake_sender = socket.socketpair()

    def heard(self) -> int:
        """Return a number that rises with each notification of another session."""
        with self._lock:
            if self._thread is None:
                self._begin(self._listen())
            since = self._disconnected_since
            return self._count + (0 if since is None else int(time.monotonic() - since) + 1)

    def _begin(self, connection: psycopg.Connection[Any] | None) -> None:
        with self._life:
            if not self._stopped:
                self._thread = threading.Thread(
                    target=on_own_thread,
                    args=(partial(self._work, connection),),
                    name="rota-ledger-listener",
                    daemon=True,
                )
                self._thread.start()
            elif connection is not None:  # it was stopped while this one was made
                connection.close()

    def renew(self) -> None:
        """Connect again: the server was out of reach, and this connection may hang silently if
        nothing was sent over it.
        """
        with self._life:
            if not self._stopped:
                self._wake_sender.send(_RENEW)

    def stop(self) -> None:
        """End the thread permanently; a thread that is just about to begin does not begin."""
        with self._life:
            self._stopped = True
        self._wake_sender.shutdown(socket.SHUT_RDWR)  # wakes the waiting thread
        if self._thread is not None:
            self._thread.join()
        self._wake_receiver.close()
        self._wake_sender.close()

    def _work(self, connection: psycopg.Connection[Any] | None) -> None:
        while True:
            if connection is not None:
                with connection:
                    if self._wait(connection):
                        return
            elif self._is_stopped(within=_AGAIN):
                return
            connection = self._listen()

    def _listen(self) -> psycopg.Connection[Any] | None:
        """Return a connection that listens; None, and counting seconds, if that fails."""
        connection = None
        try:
            connection = self._connect()
            connection.execute(f"LISTEN {self._channel}".encode())
        except psycopg.Error:
            if connection is not None:
                connection.close()
            self._disconnected_since = self._disconnected_since or time.monotonic()
            return None
        if self._disconnected_since is not None:  # something may have been missed
            self._count += int(time.monotonic() - self._disconnected_since) + 2
            self._disconnected_since = None
        return connection

    def _wait(self, connection: psycopg.Connection[Any]) -> bool:
        """Count what comes until the connection is lost (False) or it is to stop (True)."""
        with selectors.DefaultSelector() as selector, contextlib.suppress(psycopg.Error):
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            selector.register(connection.fileno(), selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._wake_receiver in ready:
                    if not self._wake_receiver.recv(1):
                        return True
                    break
                connection.pgconn.consume_input()
                before = self._count
                while (notification := connection.pgconn.notifies()) is not None:
                    self._count += self._counts(notification.be_pid)
                if self._count != before:
                    self._tell()
        self._disconnected_since = time.monotonic()
        return False

    def _is_stopped(self, *, within: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            return bool(selector.select(within)) and not self._wake_receiver.recv(1)
