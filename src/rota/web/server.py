"""The server of pages and API, in a thread of its own that no task can block."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from rota.collector import loading
from rota.errors import ConfigError
from rota.manager import TaskManager

if TYPE_CHECKING:
    from rota.web.answering import Answering

logger = logging.getLogger("rota.web")

GRACE = 0.4
"""Seconds that answers under way get at `stop`."""


class Server:
    """Serves one manager; start and stop are safe twice, and it can be started again."""

    def __init__(self, manager: TaskManager, host: str, port: int) -> None:
        self._manager = manager
        self._address = _resolve(host, port)
        if not self._address.is_loopback:
            _refuse_the_unguarded(manager, host)
        self._host = host
        self._wanted = port
        self._port = 0
        self._serving: _Serving | None = None

    @property
    def port(self) -> int:
        """Return the port it listens on; 0 before `start`, where any free one was wanted."""
        return self._port or self._wanted

    @property
    def url(self) -> str:
        """Return the address of its first page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}/"

    def start(self) -> None:
        """Listen; who comes before the pages are loaded waits a moment for the answer. Raises
        ConfigError where the port cannot be had."""
        if self._serving is None:
            listeners = self._listen()
            self._port = listeners[0].getsockname()[1]
            self._serving = _Serving(self._manager, listeners)
            self._serving.start()

    def leave(self) -> None:
        """Begin to stop, and return at once."""
        if self._serving is not None:
            self._serving.leave()

    def stop(self) -> None:
        """Stop listening; what is still under way after a moment is cut off."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.end()
            self._port = 0

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> list[socket.socket]:
        """Listen on the address, and where that is 127.0.0.1, on ::1 as well: a browser may take
        either for localhost."""
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
            with suppress(OSError):  # no IPv6 here, or another program has it there
                listeners.append(_listener(Address(socket.AF_INET6, "::1", port)))
        return listeners


class Address(NamedTuple):
    """Where to listen."""

    family: socket.AddressFamily
    name: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can reach it."""
        return ipaddress.ip_address(self.name.partition("%")[0]).is_loopback


def _listener(address: Address) -> socket.socket:
    # Only where the protocol is named does asyncio set TCP_NODELAY, without which every answer on
    # a connection that is kept waits 40 ms for an acknowledgement.
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


class _Serving(threading.Thread):
    """One time of serving: loads the pages, then answers who has come meanwhile and who comes.

    The tasks do not wait for it: the pages are a third of all that a node loads.
    """

    def __init__(self, manager: TaskManager, listeners: list[socket.socket]) -> None:
        super().__init__(name="rota-web", daemon=True)
        self._manager = manager
        self._listeners = listeners
        self._loaded = threading.Event()
        self._told = False
        self._answering: Answering | None = None

    def run(self) -> None:
        try:
            with loading():
                from rota.web.answering import Answering

                self._answering = Answering(self._manager)
            self._loaded.set()
            if not self._told:
                self._answering.run(self._listeners)
        except Exception:
            logger.exception("The pages cannot be served.")
        finally:
            self._loaded.set()
            for listener in self._listeners:
                listener.close()

    def leave(self) -> None:
        self._told = True  # before the look at what `run` sets before it looks at this
        if self._answering is not None:
            self._answering.leave()

    def end(self) -> None:
        self._loaded.wait()
        self.leave()
        self.join(GRACE)
        if self._answering is not None:
            self._answering.force_exit = True
        self.join(GRACE)


def _resolve(host: str, port: int) -> Address:
    """Resolve the address to listen on; raises ConfigError for one that is none."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{host!r} is no address of this machine ({error}).",
            where="manager.host",
            remedy="Write 127.0.0.1.",
        ) from error
    return Address(family, str(address[0]), port)


def _refuse_the_unguarded(manager: TaskManager, host: str) -> None:
    """Raise ConfigError where others could reach a server that asks nobody who they are."""
    now = manager.services.clock.now()
    if not any(token.is_valid(now) and not token.once for token in manager.tokens()):
        raise ConfigError(
            f"{host!r} can be reached from other machines, and there is no token that could let"
            " anybody in.",
            where="manager.host",
            remedy="Make one with `rota token create NAME` first, or use 127.0.0.1.",
        )
