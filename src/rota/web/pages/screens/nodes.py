"""The screen Nodes: the nodes, the load of each, and what blocks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota import triggers
from rota.core.ports.records import NodeRecord
from rota.core.reasons import Reason
from rota.core.time import SECOND, Instant, seconds
from rota.diagnosis.health import are_apart, unwell
from rota.diagnosis.verified import report_in
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout

MOST_FORMER = 50

_ICONS = {
    "up": "healthy",
    "draining": "paused",
    "silent": "degraded",
    "stopped": "finished",
    "gone": "lost",
}


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node on the screen."""

    node: NodeRecord
    state: str  # of the node; `silent` if its lease ran out and no node has recorded it
    icon: str
    running: int
    ahead: Instant | None  # of its clock, against the ledger's if that has one
    stuck: list[tuple[str, str]]  # task and code location of attempts that did not stop
    blocked: str  # the code that blocks its task loop
    unwell: list[Reason]  # its other degradations
    does: str  # its role, and the queues that it serves
    tz: str  # the version of its time zone data
    generation: str  # of its task files

    @property
    def can_drain(self) -> bool:
        """Whether it can be kept from taking new runs: it runs some, and no broker delivers."""
        runs = self.node.info.get("role") in ("all", "worker")
        return self.state == "up" and runs and not self.node.info.get("broker")

    @property
    def is_off(self) -> bool:
        """Whether its clock differs so much that an operator should know."""
        return self.ahead is not None and are_apart(self.ahead / SECOND)


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""

    @router.get("/nodes")
    def show_nodes(request: Request) -> Response:
        return layout.show(request, "nodes.html", **_values(layout.manager, layout.now()))

    @router.post("/nodes/{node}/drain")
    def drain(request: Request, node: str) -> Response:
        name = layout.manager.drain_node(node, reason="drained on the page").name
        text = f"Node {name} takes no new runs; what it runs may end."
        return layout.back(request, "/nodes", text)

    @router.post("/nodes/{node}/undrain")
    def undrain(request: Request, node: str) -> Response:
        name = layout.manager.undrain_node(node, reason="taken back on the page").name
        return layout.back(request, "/nodes", f"Node {name} takes new runs again.")


def _values(manager: TaskManager, now: Instant) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    running = Counter(run.node for run in manager.history.running())
    nodes = [_shown(node, running[node.id], now) for node in manager.history.nodes()]
    living = [one for one in nodes if one.node.state in ("up", "draining")]
    former = [one for one in nodes if one.node.state not in ("up", "draining")]
    return {
        "now": now,
        "verified": report_in(manager.history.evidence.marks()),
        "own_generation": manager.services.engine.identity.generation,
        "own_tz": triggers.tz_version(),
        "living": living,
        "former": former[:MOST_FORMER],
        "former_count": len(former),
        "own": manager.services.engine.identity.id,
        "waiting": manager.history.counts(now).waiting,
        "running": sum(one.running for one in living),
        "slots": sum(one.node.slots for one in living),
    }


def _shown(node: NodeRecord, running: int, now: Instant) -> NodeRow:
    is_living = node.state in ("up", "draining")
    state = "silent" if is_living and node.lease_until < now else node.state
    stuck, blocked = node.info.get("stuck"), node.info.get("blocked_loop")
    ahead = node.info.get("clock_ahead")
    return NodeRow(
        node=node,
        state=state,
        icon=_ICONS.get(state, "unresolved"),
        running=running,
        ahead=seconds(ahead) if isinstance(ahead, int | float) else None,
        stuck=list(stuck.items()) if isinstance(stuck, dict) else [],
        blocked=str(blocked or ""),
        unwell=unwell(node),
        does=_does(node),
        tz=str(node.info.get("tz") or ""),
        generation=str(node.info.get("generation") or ""),
    )


def _does(node: NodeRecord) -> str:
    role, queues = str(node.info.get("role") or ""), node.info.get("queues")
    what = {"all": "plans and runs", "scheduler": "plans", "worker": "runs", "web": "shows pages"}
    words = what.get(role, role)
    if isinstance(queues, list) and role in ("all", "worker"):
        words += f" {', '.join(map(str, queues))}"
    return words
