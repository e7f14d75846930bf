"""The buttons: forms that change something and lead back to the page they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rota.core.instants import SECOND, to_datetime
from rota.manager import TaskManager
from rota.web.pages.parameters import arguments
from rota.web.problems import Problem

LONGEST_PAUSE = 10 * 365 * 86400
"""Seconds."""


async def _form(request: Request) -> Mapping[str, str]:
    """Read the fields of a form; of several with one name, the last."""
    body = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(body, keep_blank_values=True))


Form = Annotated[Mapping[str, str], Depends(_form)]


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add them."""

    @router.post("/tasks/{id:path}/run")
    def run(request: Request, id: str, form: Form) -> Response:
        entry = manager.services.engine.registry.get(id)
        manager.run_task(id, arguments=arguments(entry.definition, form) if entry else None)
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/pause")
    def pause(request: Request, id: str, form: Form) -> Response:
        reason = form.get("reason", "").strip()[:1000] or "paused on the page"
        manager.pause_task(id, until=_end(manager, form), reason=reason)
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/resume")
    def resume(request: Request, id: str) -> Response:
        manager.resume_task(id)
        return _back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/runs/{id}/retry")
    def retry(request: Request, id: str) -> Response:
        new = manager.retry_run(id)
        return _back(request, f"/runs/{quote(new, safe='')}")

    @router.post("/runs/{id}/cancel")
    def cancel(request: Request, id: str) -> Response:
        manager.cancel_run(id, reason="cancelled on the page")
        return _back(request, f"/runs/{quote(id, safe='')}")


def _end(manager: TaskManager, form: Mapping[str, str]) -> datetime | None:
    """Return when a pause ends: at `until` (UTC), else after `for` seconds, else never."""
    until, span = form.get("until", ""), form.get("for", "")
    try:
        if until:
            return datetime.fromisoformat(until).replace(tzinfo=UTC)
        if span:
            seconds = min(int(span), LONGEST_PAUSE)
            return to_datetime(manager.services.clock.now() + seconds * SECOND)
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"until: {(until or span)[:100]!r} is no time.",
            kind="invalid",
            remedy="Write a day and a time in UTC, like 2026-01-31T09:00.",
        ) from None
    return None


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
