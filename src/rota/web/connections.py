"""Limiting the number of connections, in total and per address, and the time that each may take.

Each connection costs a file descriptor, which the ledger, the log and the worker processes need as
well: a client that opens a thousand and sends nothing must not stop the scheduler.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger("rota.web")

HEAD = 10.0
"""Seconds for the head of a request, since the connection began or the last answer ended."""

BODY = 60.0
"""Seconds for the whole of a request."""

STALLED = 30.0
"""Seconds that an answer may wait for a client that does not read it."""

CLOSING = 5.0
"""Seconds that a closing connection gets to read the last bytes."""

RESERVE = 256
"""Descriptors reserved for the ledger, the log, worker processes and tasks."""

FEWEST = 16

AT_ONCE = 32
"""Connections that are accepted between two checks of their number."""

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\n"
    b"Connection: close\r\n\r\n"
)


class ConnectionLimiter:
    """The connections of one server; used only on its event loop."""

    def __init__(self, most: int) -> None:
        room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVE
        self._most = most if room < 0 else max(min(most, room), min(most, FEWEST))
        self._open: dict[Connection, None] = {}  # the oldest first
        self._by_address: Counter[str] = Counter()
        self._warned = False

    def enter(self, connection: Connection) -> bool:
        """Admit a new connection; returns whether it was admitted.

        If there are too many, it replaces an idle one.
        """
        address = connection.address
        crowd = self._by_address[address] >= max(self._most // 2, 1)
        if crowd or len(self._open) >= self._most:
            self._warn()
            idle = (
                one for one in self._open if one.is_idle and (one.address == address or not crowd)
            )
            oldest = next(idle, None)
            if oldest is None:
                return False
            oldest.cut()
            self.leave(oldest)
        self._open[connection] = None
        self._by_address[address] += 1
        return True

    def leave(self, connection: Connection) -> None:
        """Remove a connection; does nothing if it was removed."""
        if connection in self._open:
            del self._open[connection]
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]

    def look(self) -> None:
        """Cut the connections that take too long; call it about every second.

        A connection whose check fails is removed: it must not keep the others from being checked.
        """
        for connection in list(self._open):
            try:
                connection.look()
            except Exception:
                logger.exception("A connection from %s cannot be checked", connection.address)
                self.leave(connection)
        if len(self._open) < self._most // 4:
            self._warned = False

    def _warn(self) -> None:
        """Log that there are too many connections, once until their number has dropped."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "There are %d connections to the pages (manager.web_connections is %d):"
                " idle ones are cut for new ones",
                len(self._open),
                self._most,
            )


class Connection(H11Protocol):
    """One connection, with time limits for its requests."""

    def __init__(self, *args: Any, limiter: ConnectionLimiter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limiter = limiter
        self._since = self.loop.time()  # the connection, the request, or the last answer's end
        self._unread_since: float | None = None
        self._closing_since: float | None = None
        self.address = ""

    @property
    def is_idle(self) -> bool:
        """Whether no request is being handled."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        super().connection_made(transport)
        if not self._limiter.enter(self):
            transport.write(_FULL)
            transport.close()
            self.loop.call_later(CLOSING, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limiter.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        idle = self.is_idle
        super().data_received(data)
        if idle and not self.is_idle:
            self._since = self.loop.time()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def cut(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def look(self) -> None:
        """Cut the connection if it takes too long."""
        now = self.loop.time()
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            late = now - self._closing_since > CLOSING
        elif self._unread_since is not None:
            late = now - self._unread_since > STALLED
        elif self.is_idle:
            late = now - self._since > HEAD
        else:
            late = self.cycle.more_body and now - self._since > BODY
        if late:
            self.cut()


def quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle the loop's uncaught errors; the exception handler of the server.

    A lack of descriptors, which asyncio reports every second, is logged in one line without a
    traceback.
    """
    error = context.get("exception")
    if isinstance(error, OSError) and "accept" in str(context.get("message")):
        logger.warning("No connection can be accepted: %s", error)
    else:
        loop.default_exception_handler(context)
