"""Nodes over REST."""

from __future__ import annotations

from fastapi import APIRouter

from rota.manager import TaskManager
from rota.web.api.models import NodeRead


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoint."""

    @router.get("/manager/nodes", tags=["nodes"])
    def list_nodes() -> list[NodeRead]:
        """List the nodes, newest first, including those that ended within the retention."""
        return [NodeRead.of(node) for node in manager.history.nodes()]
