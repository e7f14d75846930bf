"""Assembling the guard, the API and the pages into one ASGI application."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from rota import __version__
from rota.errors import RotaError
from rota.manager import TaskManager
from rota.web import api, metrics, pages
from rota.web.access import Access
from rota.web.guard import ANSWER_HEADERS, Guard, path_of
from rota.web.problems import Problem, problem_of
from rota.web.rate_limit import ManualRunLimiter

_STATIC = Path(__file__).parent / "static"


def build(manager: TaskManager, hosts: Collection[str]) -> FastAPI:
    """Return the application; it opens nothing before the first request."""
    app = FastAPI(
        title=manager.config.app_name,
        version=__version__,
        # The interactive pages of FastAPI load their scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        openapi_url="/manager/openapi.json",
    )
    access = Access(manager)
    app.add_middleware(
        Guard,
        hosts=[*manager.config.manager.names, *hosts],
        admit=access.admit,
        refuse=_answer_error,
    )
    for kind in (Problem, RotaError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer_error)
    rate = ManualRunLimiter(manager.services.clock, manager.config.manager.runs_by_hand)
    figures = APIRouter(include_in_schema=False)  # only here: an application has its own /metrics
    metrics.add(figures, manager)
    # Not by `include_router`, which builds every route again with the first requests.
    for router in (api.build(manager, access, rate), figures, pages.build(manager, access, rate)):
        app.router.routes += router.routes
    app.mount("/static", _Static(directory=_STATIC), name="static")
    return app


def _answer_error(request: Request, error: Exception) -> Response:
    problem = problem_of(error, request)
    base = request.scope.get("root_path", "")
    path = path_of(request.scope)
    if path.startswith(api.PATHS) or "text/html" not in request.headers.get("accept", ""):
        response = problem.response()
    elif problem.status is HTTPStatus.UNAUTHORIZED and request.method == "GET":
        wanted = f"{path}?{request.url.query}" if request.url.query else path
        response = RedirectResponse(
            f"{base}/sign-in?{urlencode({'to': wanted})}", HTTPStatus.SEE_OTHER
        )
    else:
        response = pages.error_page(request, problem)
    response.headers.update(ANSWER_HEADERS)  # unexpected errors are answered outside the guard
    return response


class _Static(StaticFiles):
    """The scripts and styles; browsers cache them and revalidate them each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
