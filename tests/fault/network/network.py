"""A network of its own for each process: namespaces of Linux, joined by a bridge, each cut off at
will. What is sent to and fro is dropped then, without a word to either side."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count()

DROPS, FORWARDS = "0", "3"
"""States of a bridge's port."""


def why_not() -> str:
    """Say why there can be no such network here; nothing where there can."""
    if os.name != "posix" or not Path("/proc/self/ns/net").exists():
        return "needs the network namespaces of Linux"
    if os.geteuid() != 0:
        return "needs root, who may make network namespaces"
    if shutil.which("ip") is None or shutil.which("bridge") is None:
        return "needs iproute2, which is not installed"
    name = f"rota-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"may not make network namespaces: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


class Network:
    """A bridge at 10.77.0.1, and hosts beside it."""

    def __init__(self) -> None:
        self._name = f"rota-{os.getpid()}-{next(_counter)}"
        self._hosts: list[str] = []

    @property
    def address(self) -> str:
        """The bridge's own address, where a server may listen."""
        return "10.77.0.1"

    def make(self) -> None:
        """Make the bridge."""
        _ip("netns", "add", self._name)
        _ip("-n", self._name, "link", "set", "lo", "up")
        _ip("-n", self._name, "link", "add", "br0", "type", "bridge")
        _ip("-n", self._name, "addr", "add", f"{self.address}/24", "dev", "br0")
        _ip("-n", self._name, "link", "set", "br0", "up")

    def add(self) -> int:
        """Make another host and return its number."""
        number = len(self._hosts)
        host = f"{self._name}-{number}"
        self._hosts.append(host)
        _ip("netns", "add", host)
        _ip("-n", host, "link", "set", "lo", "up")
        _ip("-n", self._name, "link", "add", f"p{number}", "type", "veth",
            "peer", "name", "eth0", "netns", host)  # fmt: skip
        _ip("-n", self._name, "link", "set", f"p{number}", "master", "br0", "up")
        _ip("-n", host, "addr", "add", f"10.77.0.{number + 10}/24", "dev", "eth0")
        _ip("-n", host, "link", "set", "eth0", "up")
        return number

    def remove(self) -> None:
        """Remove all of it; what still runs there keeps its part until it ends."""
        for host in (*self._hosts, self._name):
            subprocess.run(["ip", "netns", "del", host], capture_output=True)

    @contextmanager
    def within(self, host: int | None = None) -> Iterator[None]:
        """Have what this thread starts live on a host, or on the bridge itself."""
        name = self._name if host is None else self._hosts[host]
        with (
            Path("/proc/thread-self/ns/net").open() as before,
            Path(f"/run/netns/{name}").open() as there,
        ):
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    @contextmanager
    def cut_off(self, host: int) -> Iterator[None]:
        """Let nothing through to a host, nor from it."""
        self._port(host, DROPS)
        try:
            yield
        finally:
            self._port(host, FORWARDS)

    def _port(self, host: int, state: str) -> None:
        command = ["bridge", "-n", self._name, "link", "set", "dev", f"p{host}", "state", state]
        subprocess.run(command, check=True, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
