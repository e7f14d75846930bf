"""The uvicorn server with our application; importing this loads both."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from functools import partial

import uvicorn

from rota.manager import TaskManager
from rota.web.composition import build
from rota.web.connections import AT_ONCE, Connection, ConnectionLimiter, quietly

_TICK = 1.0  # seconds


class UvicornServer(uvicorn.Server):
    """A server on sockets that already listen, until `leave` is called."""

    def __init__(self, manager: TaskManager) -> None:
        limiter = self._limiter = ConnectionLimiter(manager.config.manager.web_connections)
        super().__init__(
            uvicorn.Config(
                build(manager, ()),
                http=partial(Connection, limiter=limiter),  # type: ignore[arg-type]
                backlog=AT_ONCE,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",  # failures are logged by `rota.web`, with their request
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )
        self.up = threading.Event()
        """Set when the server responds, or has failed to start."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Ask the server to stop; may be called on any thread, at any time."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has already ended
                self._loop.call_soon_threadsafe(self._leaving.set)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(quietly)
        try:
            await super().serve(sockets)
        finally:
            self.up.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Wake once a second, for the Date header of the answers; uvicorn wakes ten times."""
        while not await self.on_tick(0):
            self._limiter.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), _TICK)
