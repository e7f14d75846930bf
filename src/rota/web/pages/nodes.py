"""The screen Nodes: who takes part, how much each has to do, and what holds it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.instants import SECOND, Instant, seconds
from rota.core.ports import Node
from rota.core.run import State
from rota.manager import TaskManager
from rota.web.pages.frame import Frame

MOST_FORMER = 50
NOTABLE: Instant = SECOND // 2
"""By how much a clock may differ before the screen warns of it."""

_ICONS = {
    "up": "healthy",
    "draining": "paused",
    "silent": "degraded",
    "stopped": "finished",
    "gone": "lost",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A node as the screen shows it."""

    node: Node
    state: str  # of the node; `silent` where its lease ran out and nobody has said so yet
    icon: str
    running: int
    ahead: Instant | None  # by how much its clock is ahead of this node's, where that is known
    stuck: list[str]  # where threads stand that would not stop
    blocked: str  # what holds up its task loop

    @property
    def is_off(self) -> bool:
        """Say whether its clock differs so much that somebody should know."""
        return self.ahead is not None and abs(self.ahead) > NOTABLE


def add(router: APIRouter, frame: Frame) -> None:
    """Add the screen."""

    @router.get("/nodes")
    def show_nodes(request: Request) -> Response:
        return frame.show(request, "nodes.html", **_values(frame.manager, frame.now()))


def _values(manager: TaskManager, now: Instant) -> dict[str, Any]:
    """Return what the template shows; raises LedgerError."""
    active = manager.history.active()
    running = Counter(run.node for run in active if run.state is State.RUNNING)
    nodes = [_shown(node, running[node.id], now) for node in manager.history.nodes()]
    living = [one for one in nodes if one.node.state in ("up", "draining")]
    former = [one for one in nodes if one.node.state not in ("up", "draining")]
    return {
        "now": now,
        "living": living,
        "former": former[:MOST_FORMER],
        "former_count": len(former),
        "own": manager.services.engine.identity.id,
        "waiting": sum(run.state is not State.RUNNING for run in active),
        "running": sum(one.running for one in living),
        "slots": sum(one.node.slots for one in living),
    }


def _shown(node: Node, running: int, now: Instant) -> Shown:
    is_living = node.state in ("up", "draining")
    state = "silent" if is_living and node.lease_until < now else node.state
    stuck, blocked = node.info.get("stuck"), node.info.get("blocked_loop")
    return Shown(
        node=node,
        state=state,
        icon=_ICONS.get(state, "unresolved"),
        running=running,
        ahead=_ahead(node, node.info) if is_living else None,
        stuck=[str(one) for one in stuck] if isinstance(stuck, list) else [],
        blocked=str(blocked or ""),
    )


def _ahead(node: Node, info: Mapping[str, Any]) -> Instant | None:
    """Return by how much the node's clock is ahead of ours.

    A lease is given by the ledger's time, which is told here in ours; the node was seen, by its
    own clock, one length of a lease before the end of it.
    """
    lease = info.get("lease")
    if not isinstance(lease, int | float):
        return None
    return node.seen_at + seconds(lease) - node.lease_until
