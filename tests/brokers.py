"""Real brokers for tests: one server a worker, on a socket or port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.testing import eventually


class Redis:
    """A Redis server, which forgets what it has when it is stopped."""

    def __init__(self, home: Path, program: str) -> None:
        self._home = home
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self._home)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(self._answers, what="Redis answers")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """Kill it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(30)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A running Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server, which is not installed")
    with tempfile.TemporaryDirectory(prefix="rota-redis-") as directory:
        server = Redis(Path(directory), program)
        server.start()
        try:
            yield server
        finally:
            server.stop()
