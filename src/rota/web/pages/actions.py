"""The buttons: forms that change something and lead back to the page they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.instants import SECOND, to_datetime
from rota.manager import TaskManager
from rota.web.pages.forms import Form, back
from rota.web.pages.parameters import arguments
from rota.web.problems import Problem
from rota.web.rate import ByHand

LONGEST_PAUSE = 10 * 365 * 86400
"""Seconds."""


def add(router: APIRouter, manager: TaskManager, rate: ByHand) -> None:
    """Add them."""

    @router.post("/tasks/{id:path}/run")
    def run(request: Request, id: str, form: Form) -> Response:
        rate.spend(id)
        entry = manager.services.engine.registry.get(id)
        manager.run_task(id, arguments=arguments(entry.definition, form) if entry else None)
        return back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/pause")
    def pause(request: Request, id: str, form: Form) -> Response:
        reason = form.get("reason", "").strip()[:1000] or "paused on the page"
        manager.pause_task(id, until=_end(manager, form), reason=reason)  # in the task's zone
        return back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/resume")
    def resume(request: Request, id: str) -> Response:
        manager.resume_task(id)
        return back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/reset")
    def reset(request: Request, id: str, form: Form) -> Response:
        key = form.get("key", "")
        manager.reset_task(id, *([key] if key else []), reason="reset on the page")
        return back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/tasks/{id:path}/skip")
    def skip(request: Request, id: str, form: Form) -> Response:
        manager.skip_next(id, at=_instant(form.get("at", "")))
        return back(request, f"/tasks/{quote(id, safe='')}")

    @router.post("/runs/{id}/retry")
    def retry(request: Request, id: str) -> Response:
        rate.spend(manager.get_run(id).task_id)
        new = manager.retry_run(id)
        return back(request, f"/runs/{quote(new, safe='')}")

    @router.post("/runs/{id}/cancel")
    def cancel(request: Request, id: str) -> Response:
        manager.cancel_run(id, reason="cancelled on the page")
        return back(request, f"/runs/{quote(id, safe='')}")


def _end(manager: TaskManager, form: Mapping[str, str]) -> datetime | None:
    """Return when a pause ends: at `until` (no zone), else after `for` seconds, else never."""
    until, span = form.get("until", ""), form.get("for", "")
    try:
        if until:
            return datetime.fromisoformat(until)
        if span:
            seconds = min(int(span), LONGEST_PAUSE)
            return to_datetime(manager.services.clock.now() + seconds * SECOND)
    except (ValueError, OverflowError):
        raise _no_time("until", until or span) from None
    return None


def _instant(text: str) -> datetime:
    """Return the instant that a button of the page names."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_time("at", text) from None


def _no_time(field: str, text: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{field}: {text[:100]!r} is no time.",
        kind="invalid",
        remedy="Write a day and a time, like 2026-01-31T09:00.",
    )
