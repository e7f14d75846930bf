"""A wire to the server that can be cut, or held, at the worst moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

_COMMIT = b"COMMIT\x00"


class Proxy:
    """Stands between clients and a server's socket; passes everything on until told otherwise."""

    def __init__(self, server: Path) -> None:
        self._server = str(server)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"
        self._wires: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self.cut_at_commit: str | None = None  # "sent": its answer is lost; "unsent": it is itself
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        """How many were made so far."""
        return len(self._wires) // 2

    def hold(self) -> None:
        """Pass nothing on, and cut nothing."""
        self._flows.clear()

    def release(self) -> None:
        """Pass on again, also what was held."""
        self._flows.set()

    def cut(self) -> None:
        """Cut all connections there are."""
        for wire in list(self._wires):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut everything, and refuse from now on."""
        self._flows.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for wire in self._wires:
            wire.close()

    def open(self) -> None:
        """Accept again after `close`, at the same address."""
        self._listening = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        listening = self._listening
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.socket(socket.AF_UNIX)
                self._wires += [client, server]
                try:
                    server.connect(self._server)
                except OSError:  # nobody serves
                    client.close()
                    continue
                self._pump(client, server, self._towards_server)
                self._pump(server, client, self._towards_client)

    def _pump(
        self,
        source: socket.socket,
        target: socket.socket,
        passes: Callable[[bytes, socket.socket], bool],
    ) -> None:
        def work() -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    self._flows.wait()
                    if not passes(data, source):
                        break
                    target.sendall(data)
            for wire in (source, target):
                with contextlib.suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=work, daemon=True).start()

    def _towards_server(self, data: bytes, client: socket.socket) -> bool:
        if _COMMIT in data and self.cut_at_commit == "unsent":
            self.cut_at_commit = None
            return False
        if _COMMIT in data and self.cut_at_commit == "sent":
            self.cut_at_commit = "answered"
        return True

    def _towards_client(self, data: bytes, server: socket.socket) -> bool:
        if self.cut_at_commit == "answered":
            self.cut_at_commit = None
            return False
        return True
