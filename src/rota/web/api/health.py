"""`GET /health`: how this node is, for people, load balancers and monitors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from rota.manager import TaskManager

PATIENCE = 1.5
"""Seconds that the ledger gets to answer before the report does without it."""


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoint."""
    # Threads of its own: it answers even where every other request waits for the ledger.
    limiter: CapacityLimiter | None = None

    @router.get("/health", tags=["health"])
    async def health() -> JSONResponse:
        """Say how this node is: 200 for healthy and degraded, 503 for down."""
        nonlocal limiter
        limiter = limiter or CapacityLimiter(4)
        report: dict[str, Any] | None = None
        with anyio.move_on_after(PATIENCE):
            report = await to_thread.run_sync(
                manager.health, abandon_on_cancel=True, limiter=limiter
            )
        if report is None:
            report = manager.health(unread=f"the ledger was not read within {PATIENCE:g} s")
        down = report["status"] == "down"
        return JSONResponse(report, HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.OK)
