"""The pages: rendered here, refreshed in place by one small script, usable without it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.manager import TaskManager
from rota.web.problems import Problem


def build(manager: TaskManager) -> APIRouter:
    """Make the router of every page and of the forms on them."""
    return APIRouter()


def error_page(request: Request, problem: Problem) -> Response:
    """Return a problem as a page."""
    return problem.response()
