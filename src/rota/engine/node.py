"""Who this process is among the nodes."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from rota.core.ids import RunIds
from rota.core.instants import Instant, seconds
from rota.core.ports import Clock, Node

SAME_START = seconds(2)
"""How far a process's start may lie after its node's and still be the same process."""


class Identity:
    """The node of this process: its id is new at every start, and after others declared it gone."""

    def __init__(self, clock: Clock, ids: RunIds, *, name: str | None, version: str) -> None:
        self._clock = clock
        self._ids = ids
        self._version = version
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.id = ""

    def next(self, *, slots: int, lease: Instant, info: Mapping[str, Any]) -> Node:
        """Return the row to join with, which has a new id; it is taken once that is durable."""
        now = self._clock.now()
        return Node(
            id=self._ids.new(now),
            name=self.name,
            host=host(),
            pid=os.getpid(),
            version=self._version,
            slots=slots,
            started_at=now,
            seen_at=now,
            lease_until=now + lease,
            state="up",
            info=info,
        )


def host() -> str:
    """Return a name under which process ids mean one thing: machine and pid namespace."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{namespace}"


def is_dead(node: Node) -> bool:
    """Say whether a node surely runs no more: it was on this host and its process is gone."""
    if node.host != host():
        return False
    try:
        process = psutil.Process(node.pid)
        born = process.create_time()
        if process.status() == psutil.STATUS_ZOMBIE:  # its parent has not taken note yet
            return True
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
    return seconds(born) > node.started_at + SAME_START
