"""The REST interface below `/manager`, and `/health`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from rota.errors import RotaError
from rota.manager import TaskManager
from rota.web.access import Access
from rota.web.api import (
    audit,
    enqueueing,
    events,
    health,
    logs,
    nodes,
    occurrences,
    pauses,
    replays,
    runs,
    tasks,
    verification,
    windows,
)
from rota.web.audited_routes import RestRoute
from rota.web.guard import ANSWER_HEADERS, allowed, check
from rota.web.live.commit_watch import CommitWatch
from rota.web.problems import PROBLEMS, Problem, problem_of
from rota.web.rate_limit import ManualRunLimiter

PATHS = ("/manager", "/health")
PROBES = ("live", "ready")
"""The endpoints that need no right, in every application that includes them."""


def build(
    manager: TaskManager,
    access: Access,
    rate: ManualRunLimiter,
    route_class: type[APIRoute] = RestRoute,
) -> APIRouter:
    """Return the router of all endpoints, for use behind the guard."""
    router = APIRouter(route_class=route_class, responses=PROBLEMS)
    commits = CommitWatch(lambda: manager.services.ledger)
    health.add(router, manager, access)
    replays.add(router, manager, rate)  # before the routes of a task: ids may contain slashes
    for room in (occurrences, nodes, audit, pauses, windows, tasks, verification):
        room.add(router, manager)
    for startable in (enqueueing, runs):
        startable.add(router, manager, rate)
    for live in (logs, events):
        live.add(router, manager, commits)
    return router


def guarded(manager: TaskManager, hosts: Collection[str]) -> APIRouter:
    """Return the router for a user's application: each route has its own checks and headers.

    It also answers errors as problem details. The application limits the size of bodies.
    """
    names = allowed([*manager.config.manager.names, *hosts])
    access = Access(manager)

    class GuardedRoute(RestRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    check(request, names)
                    if self.name not in PROBES:
                        await run_in_threadpool(access.admit, request)
                    response = await handler(request)
                except (Problem, RotaError, RequestValidationError, HTTPException) as error:
                    response = problem_of(error, request).response()
                response.headers.update({"Cache-Control": "no-store", **ANSWER_HEADERS})
                return response

            return answer

    rate = ManualRunLimiter(manager.services.clock, manager.config.manager.runs_by_hand)
    return build(manager, access, rate, GuardedRoute)
