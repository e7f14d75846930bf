"""The identity of this process among the nodes."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from rota.core.ids import RunIds
from rota.core.overlap import SURELY
from rota.core.ports.clock import Clock
from rota.core.ports.records import NodeRecord
from rota.core.time import Instant
from rota.runtime.node_process import host, is_dead


class Identity:
    """The node of this process: its id is new at every start, and after others declared it gone."""

    def __init__(self, clock: Clock, ids: RunIds, *, name: str | None, version: str) -> None:
        self._clock = clock
        self._ids = ids
        self._version = version
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.id = ""
        self.coming = ""  # the id that is used to join, until the row is durable
        self.generation = ""  # of the task files: the same on nodes that have the same

    def next(self, *, slots: int, lease: Instant, info: Mapping[str, Any]) -> NodeRecord:
        """Return the row to join with, which has a new id. The id is taken once the row is
        durable.
        """
        now = self._clock.now()
        self.coming = self._ids.new(now)
        return NodeRecord(
            id=self.coming,
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


def heard_at(node: NodeRecord, now: Instant) -> Instant:
    """Return the instant up to which a node is known to live. For a process of this host that sends
    heartbeats it is now; for others, the time of the last heartbeat that arrived.
    """
    if is_dead(node):
        return 0
    is_silent = now - node.seen_at > (node.lease_until - node.seen_at) / 2
    return node.seen_at if is_silent or node.host != host() else SURELY
