"""`GET /health`: the health of this node, for people, load balancers and monitors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from rota.core.secrets import redact_value
from rota.diagnosis import thresholds
from rota.diagnosis.vitals import ticking
from rota.manager import TaskManager
from rota.web.access import Access

_UNWELL: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "Down, not live or not ready.",
        "content": {"application/json": {"schema": {}}},
    },
}


def add(router: APIRouter, manager: TaskManager, access: Access) -> None:
    """Add the endpoints."""
    # Its own threads: it responds even if all other requests wait for the ledger.
    limiter: CapacityLimiter | None = None

    async def report() -> dict[str, Any]:
        nonlocal limiter
        limiter = limiter or CapacityLimiter(4)
        with anyio.move_on_after(thresholds.LEDGER_ANSWER):
            return await to_thread.run_sync(manager.health, abandon_on_cancel=True, limiter=limiter)
        return manager.health(
            unread=f"the ledger was not read within {thresholds.LEDGER_ANSWER:g} s"
        )

    async def with_reasons(
        request: Request, status: dict[str, Any], reasons: list[str]
    ) -> dict[str, Any]:
        """Add the reasons if the visitor may read `/health`: they reveal parts of this network."""
        if not reasons:
            return {**status, "reasons": []}
        with anyio.move_on_after(thresholds.LEDGER_ANSWER):
            if await to_thread.run_sync(
                access.knows, request, abandon_on_cancel=True, limiter=limiter
            ):
                return {**status, "reasons": reasons}
        return {**status, "reasons": []}

    @router.get("/health", tags=["health"], responses=_UNWELL)
    async def health() -> JSONResponse:
        """Return the health of this node: 200 for healthy and degraded, 503 for down."""
        found = await report()
        return _answer(found, well=found["status"] != "down")

    @router.get("/health/live", tags=["health"], responses=_UNWELL)
    async def live(request: Request) -> JSONResponse:
        """Return whether this process works; 503 means: restart it.

        The ledger is not checked: a restart would not fix its outage.
        """
        age = manager.services.engine.ticking.tick_age() if manager.running else 0.0
        dead = [one.text for one in ticking(age, thresholds.TICK_DEAD)]
        status = {"status": "dead" if dead else "live"}
        return _answer(await with_reasons(request, status, dead), well=not dead)

    @router.get("/health/ready", tags=["health"], responses=_UNWELL)
    async def ready(request: Request) -> JSONResponse:
        """Return whether this node schedules and reaches its ledger; 503 means: send no requests.

        Other degradations are in `reasons`, for this machine and for requests with a token.
        """
        found = await report()
        reached = found["waiting"] is not None and found["ledger"]["state"] != "away"
        well = reached and found["status"] != "down"
        status = {"status": "ready" if well else "not ready"}
        return _answer(await with_reasons(request, status, found["reasons"]), well=well)


def _answer(body: dict[str, Any], *, well: bool) -> JSONResponse:
    return JSONResponse(
        redact_value("", body), HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    )
