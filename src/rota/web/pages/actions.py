"""The buttons: forms that change something and lead back to the page they stand on."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rota.manager import TaskManager


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add them."""

    @router.post("/tasks/{id:path}/run")
    def run(request: Request, id: str) -> Response:
        manager.run_task(id)
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/pause")
    def pause(request: Request, id: str) -> Response:
        manager.pause_task(id, reason="paused on the page")
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/resume")
    def resume(request: Request, id: str) -> Response:
        manager.resume_task(id)
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/runs/{id}/cancel")
    def cancel(request: Request, id: str) -> Response:
        manager.cancel_run(id, reason="cancelled on the page")
        return _back(request, f"/runs/{quote(id, safe='')}")


def _back(request: Request, otherwise: str) -> Response:
    """Lead to the page the form stood on, if that is known and one of ours."""
    base: str = request.scope.get("root_path", "")
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        came_from = urlsplit("")
    ours = came_from.netloc == request.headers["host"] and came_from.path.startswith(f"{base}/")
    query = f"?{came_from.query}" if came_from.query else ""
    target = f"{came_from.path}{query}" if ours else f"{base}{otherwise}"
    if target.startswith("//"):  # would name another host
        target = f"{base}{otherwise}"
    return RedirectResponse(target, HTTPStatus.SEE_OTHER)
