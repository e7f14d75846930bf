"""Real brokers for tests: one server a worker, on a socket or port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from rota.testing import eventually


class Redis:
    """A Redis server, which forgets what it has when it is stopped."""

    def __init__(self, home: Path, program: str) -> None:
        self._home = home
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        [self.port] = free_ports(1)

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
        return answer(self.port, b"PING\r\n").startswith(b"+PONG")

    def cut(self) -> None:
        """Close every connection to it."""
        assert answer(self.port, b"CLIENT KILL SKIPME yes\r\n").startswith(b":")

    def cut_one(self) -> None:
        """Close a connection on which a message is waited for."""
        clients = answer(self.port, b"CLIENT LIST\r\n", 65_536).decode().splitlines()
        waiting = next(one for one in clients if "cmd=brpop" in one)
        number = waiting.split()[0].removeprefix("id=")
        assert answer(self.port, f"CLIENT KILL ID {number}\r\n".encode()).startswith(b":1")

    def stop(self) -> None:
        """Kill it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(90)


class RabbitMQ:
    """A RabbitMQ server with a port mapper of its own, so that nothing of it is left."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.port, dist, mapper = free_ports(3)
        self._mapper = str(mapper)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),  # where it keeps its cookie
            "ERL_EPMD_PORT": self._mapper,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"rota-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
            "RABBITMQ_CONFIG_FILE": str(home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "none"),
            # One scheduler that does not spin while it waits: half of what a start costs.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
        }
        self._processes: list[psutil.Popen] = []

    @staticmethod
    def program() -> Path | None:
        """Return the server's script that changes to no other user, and its port mapper's."""
        script = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return script if script.exists() and shutil.which("epmd") else None

    @property
    def url(self) -> str:
        """Its address."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start it and wait until it answers, which takes some fifteen seconds."""
        mapper = ["epmd", "-port", self._mapper, "-address", "127.0.0.1"]
        for command in (mapper, [str(self.program())]):
            self._processes.append(
                psutil.Popen(
                    command,
                    env=self._environment,
                    cwd=self._home,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        eventually(self._answers, within=120, what="RabbitMQ answers")

    def _answers(self) -> bool:
        return answer(self.port, b"AMQP\x00\x00\x09\x01").startswith(b"\x01\x00\x00")

    def cut(self) -> None:
        """Close every connection to it."""
        subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--silent", "close_all_connections", "cut"],
            env=self._environment,
            cwd=self._home,
            check=True,
        )

    def stop(self) -> None:
        """Kill it, and all that it started."""
        some: list[psutil.Process] = [*self._processes]
        for process in self._processes:
            some += process.children(recursive=True)
        for one in some:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(some, 30)
        self._processes.clear()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def answer(port: int, greeting: bytes, size: int = 16) -> bytes:
    """Return how a server's answer to this begins; nothing where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as link:
            link.sendall(greeting)
            return link.recv(size)
    except OSError:
        return b""


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


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A running RabbitMQ server."""
    if RabbitMQ.program() is None:
        pytest.skip("needs rabbitmq-server, which is not installed")
    with tempfile.TemporaryDirectory(prefix="rota-rabbitmq-") as directory:
        server = RabbitMQ(Path(directory))
        try:
            server.start()
            yield server
        finally:
            server.stop()
