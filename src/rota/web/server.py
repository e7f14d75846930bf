"""The server of the pages and the API, in a thread of its own that no task can block."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rota.errors import ConfigError
from rota.manager import TaskManager
from rota.runtime.engine_threads import on_own_thread
from rota.runtime.gc_control import loading

if TYPE_CHECKING:
    from rota.web.uvicorn_server import UvicornServer

GRACE = 0.4
"""Seconds that requests in progress get at `stop`."""


class Server:
    """The server of one manager; it can be started and stopped repeatedly."""

    def __init__(self, manager: TaskManager, host: str, port: int) -> None:
        self._manager = manager
        self._address = _resolve(host, port)
        if not self._address.is_loopback:
            _refuse_the_unguarded(manager, host)
        self._host = host
        self._wanted = port
        self._port = 0
        self._listeners: list[socket.socket] = []
        self._thread: threading.Thread | None = None
        self._uvicorn_server: UvicornServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before `start` if any free port was requested."""
        return self._port or self._wanted

    @property
    def url(self) -> str:
        """The URL of its first page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}/"

    def listen(self) -> None:
        """Bind the port; clients that connect from now on wait for `start`.

        Does nothing if it is bound. Raises ConfigError if the port cannot be bound.
        """
        if not self._listeners:
            self._listeners = self._bound()
            self._port = self._listeners[0].getsockname()[1]

    def start(self) -> None:
        """Listen and load the pages; returns when the server responds. Raises as `listen` does."""
        if self._thread is not None:
            return
        self.listen()
        with loading():
            from rota.web.uvicorn_server import UvicornServer

            server = self._uvicorn_server = UvicornServer(self._manager)
        self._thread = threading.Thread(
            target=on_own_thread,
            args=(partial(server.run, self._listeners),),
            name="rota-web",
            daemon=True,
        )
        self._thread.start()
        server.up.wait()
        if not server.started:
            self.stop()
            raise RuntimeError("the server of the pages ended during its start")

    def leave(self) -> None:
        """Begin to stop, and return at once."""
        if self._uvicorn_server is not None:
            self._uvicorn_server.leave()

    def stop(self) -> None:
        """Stop listening; requests still in progress after `GRACE` are cut off."""
        thread, server = self._thread, self._uvicorn_server
        if thread is not None and server is not None:
            server.leave()
            thread.join(GRACE)
            server.force_exit = True
            thread.join(GRACE)
        for listener in self._listeners:
            listener.close()
        self._thread = self._uvicorn_server = None
        self._listeners = []
        self._port = 0

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _bound(self) -> list[socket.socket]:
        """Return sockets that listen on the address; for 127.0.0.1, on ::1 as well.

        A browser may use either for localhost.
        """
        try:
            listeners = [_listener(self._address)]
        except OSError as error:
            raise ConfigError(
                f"{self._host}, port {self._wanted}, cannot be listened on"
                f" ({error.strerror or error}).",
                where="manager.port",
                remedy="Stop the program that has it, or choose another manager.port;"
                " 0 takes any free one.",
            ) from error
        if self._address.name == "127.0.0.1":
            port = listeners[0].getsockname()[1]
            with suppress(OSError):  # no IPv6 here, or another program has the port there
                listeners.append(_listener(ListenAddress(socket.AF_INET6, "::1", port)))
        return listeners


class ListenAddress(NamedTuple):
    """An address to listen on."""

    family: socket.AddressFamily
    name: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.name.partition("%")[0]).is_loopback


def _listener(address: ListenAddress) -> socket.socket:
    # asyncio sets TCP_NODELAY only if the protocol is named. Without it, every answer on a
    # kept-alive connection waits 40 ms for an acknowledgement.
    listener = socket.socket(address.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address.name, address.port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _resolve(host: str, port: int) -> ListenAddress:
    """Return the resolved address to listen on; raises ConfigError for an invalid one."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{host!r} is no address of this machine ({error}).",
            where="manager.host",
            remedy="Write 127.0.0.1.",
        ) from error
    return ListenAddress(family, str(address[0]), port)


def _refuse_the_unguarded(manager: TaskManager, host: str) -> None:
    """Raise ConfigError if other machines could reach a server without authentication."""
    now = manager.services.clock.now()
    if not any(token.is_valid(now) and not token.once for token in manager.tokens()):
        raise ConfigError(
            f"{host!r} can be reached from other machines, and there is no token to sign in with.",
            where="manager.host",
            remedy="Create one with `rota token create NAME` first, or use 127.0.0.1.",
        )
