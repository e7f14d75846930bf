"""Nodes over REST: list, drain, take that back."""

from __future__ import annotations

from fastapi import APIRouter

from rota.manager import TaskManager
from rota.web.api.models import NodeRead, ReasonRequest


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    @router.get("/manager/nodes", tags=["nodes"])
    def list_nodes() -> list[NodeRead]:
        """List the nodes, newest first, including those that ended within the retention."""
        return [NodeRead.of(node) for node in manager.history.nodes()]

    @router.post("/manager/nodes/{node}/drain", tags=["nodes"])
    def drain_node(node: str, why: ReasonRequest | None = None) -> NodeRead:
        """Keep a node, by its id or name, from taking new runs; what it runs may end."""
        return NodeRead.of(manager.drain_node(node, reason=why.reason if why else ""))

    @router.post("/manager/nodes/{node}/undrain", tags=["nodes"])
    def undrain_node(node: str, why: ReasonRequest | None = None) -> NodeRead:
        """Let a drained node take new runs again."""
        return NodeRead.of(manager.undrain_node(node, reason=why.reason if why else ""))
