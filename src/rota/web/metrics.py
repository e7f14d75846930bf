"""`GET /metrics`: figures for monitors and autoscalers, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from rota.core.ports.records import NodeRecord
from rota.core.run import State
from rota.core.time import SECOND, Instant, seconds
from rota.diagnosis import thresholds
from rota.diagnosis.vitals import ledger_state
from rota.engine.health.vitals import vitals
from rota.errors import LedgerError
from rota.manager import TaskManager

FRESH = 5.0
"""Seconds for which what was read of the ledger is given again."""

RECENT = 3600
"""Seconds that `rota_recent_runs` looks back."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the ledger says of all nodes at one time."""

    depth: Mapping[str, int]  # by queue: runs that could start now
    oldest: Mapping[str, float]  # by queue: seconds that the first of them has waited
    nodes: list[NodeRecord]  # those that live
    running: Mapping[str | None, int]  # by node
    recent: Mapping[State, int] = field(default_factory=dict)


class Reader:
    """Reads the ledger's figures, at most once in `FRESH` seconds."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._limiter: CapacityLimiter | None = None
        self._read: tuple[float, Figures] | None = None

    async def read(self) -> Figures | None:
        """Return them; None where the ledger does not answer in time."""
        # One thread of its own: a ledger that hangs holds up no other request.
        self._limiter = self._limiter or CapacityLimiter(1)
        with anyio.move_on_after(thresholds.LEDGER_ANSWER):
            return await to_thread.run_sync(
                self._fresh, abandon_on_cancel=True, limiter=self._limiter
            )
        return None

    def _fresh(self) -> Figures | None:
        clock = self._manager.services.clock
        if self._read is not None and clock.monotonic() < self._read[0] + FRESH:
            return self._read[1]
        try:
            found = figures(self._manager, clock.now())
        except LedgerError:
            return None
        self._read = clock.monotonic(), found
        return found


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoint."""
    reader = Reader(manager)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(text(manager, await reader.read()), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def figures(manager: TaskManager, now: Instant) -> Figures:
    """Read what the ledger says; raises LedgerError."""
    history = manager.history
    queues = {one.record.id: one.record.policy.queue for one in history.tasks()}
    depth = dict.fromkeys(("default", *queues.values()), 0)
    oldest = dict.fromkeys(depth, now)
    for task_id, waiting in history.backlog(now).items():
        queue = queues.get(task_id, "default")
        depth[queue] += waiting.runs
        oldest[queue] = min(oldest[queue], waiting.oldest)
    recent = Counter[State]()
    for tally in history.tallies(now - seconds(RECENT), now, seconds(RECENT)):
        recent[tally.state] += tally.runs
    return Figures(
        depth=depth,
        oldest={queue: (now - first) / SECOND for queue, first in oldest.items()},
        nodes=[one for one in history.nodes() if one.state in ("up", "draining")],
        running=Counter(run.node for run in history.running()),
        recent=recent,
    )


def text(manager: TaskManager, found: Figures | None) -> bytes:
    """Return the answer: this node's own figures, and the ledger's where it was read."""
    registry = CollectorRegistry()

    def gauge(name: str, help: str, *labels: str) -> Gauge:
        return Gauge(f"rota_{name}", help, labels, registry=registry)

    engine = manager.services.engine
    gauge("tick_age_seconds", "Since this node's clock last ticked.").set(
        engine.ticking.tick_age() if manager.running else 0.0
    )
    state = "away" if found is None else ledger_state(vitals(engine))
    ledger = gauge(
        "ledger_state", "1 for the state the ledger is in, as this node sees it.", "state"
    )
    for one in ("ok", "slow", "away"):
        ledger.labels(one).set(one == state)
    if found is not None:
        _of_ledger(gauge, found)
    return generate_latest(registry)


def _of_ledger(gauge: Any, found: Figures) -> None:
    depth = gauge("queue_depth", "Runs that wait and could start now.", "queue")
    oldest = gauge("queue_oldest_age_seconds", "How long the first of them has waited.", "queue")
    for queue, count in found.depth.items():
        depth.labels(queue).set(count)
        oldest.labels(queue).set(found.oldest[queue])
    gauge("running", "Runs that run, on all nodes.").set(sum(found.running.values()))
    # A name may be given twice; an id is a process's own.
    of_node = ("node", "id")
    slots = gauge("node_slots", "Runs that a node can run at once.", *of_node)
    running = gauge("node_running", "Runs that a node runs.", *of_node)
    ahead = gauge("node_clock_ahead_seconds", "A node's clock against the database's.", *of_node)
    for node in found.nodes:
        slots.labels(node.name, node.id).set(node.slots)
        running.labels(node.name, node.id).set(found.running.get(node.id, 0))
        clock = node.info.get("clock_ahead")
        if isinstance(clock, int | float):
            ahead.labels(node.name, node.id).set(clock)
    recent = gauge("recent_runs", "Runs due or made in the last hour, by state.", "state")
    for state in State:
        recent.labels(state.value).set(found.recent.get(state, 0))
