"""The pages: rendered here, refreshed in place by one small script, usable without it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.manager import TaskManager
from rota.web.faces import PageRoute
from rota.web.pages import actions, details, now
from rota.web.pages.rendering import render
from rota.web.pages.tails import Tails
from rota.web.problems import Problem


def build(manager: TaskManager) -> APIRouter:
    """Make the router of every page and of the forms on them."""
    router = APIRouter(route_class=PageRoute)
    tails = Tails()

    @router.get("/")
    def show_now(request: Request, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1) -> Response:
        return render(request, "now.html", **now.values(manager, tails, page))

    @router.get("/tasks/{id:path}")
    def show_task(
        request: Request, id: str, after: Annotated[str | None, Query(max_length=100)] = None
    ) -> Response:
        return render(request, "task.html", **details.task_values(manager, id, after))

    @router.get("/runs/{id}")
    def show_run(request: Request, id: str) -> Response:
        return render(request, "run.html", **details.run_values(manager, id))

    actions.add(router, manager)
    return router


def error_page(request: Request, problem: Problem) -> Response:
    """Return a problem as a page."""
    return render(request, "error.html", problem.status, problem=problem, app_name="rota")
