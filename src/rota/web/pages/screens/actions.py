"""The buttons: forms that change something and redirect to the page they are on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.pauses import held_by
from rota.core.run import FINAL, State
from rota.core.time import SECOND, Instant, from_datetime, to_datetime
from rota.manager import TaskManager
from rota.web.pages.format import clock
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.figures import task_name
from rota.web.pages.parts.forms import Form
from rota.web.pages.parts.parameters import arguments
from rota.web.pages.parts.run_form import options
from rota.web.problems import Problem
from rota.web.rate_limit import ManualRunLimiter

LONGEST_PAUSE = 10 * 365 * 86400
"""Seconds."""


def add(router: APIRouter, layout: PageLayout, rate: ManualRunLimiter) -> None:
    """Add the routes of the forms."""
    _add_switches(router, layout)
    manager = layout.manager

    def name(task_id: str) -> str:
        return task_name(manager, task_id)

    @router.post("/tasks/{id:path}/run")
    def run(request: Request, id: str, form: Form) -> Response:
        rate.spend(id)
        entry = manager.services.engine.registry.get(id)
        given = arguments(entry.definition, form) if entry else None
        run_id, what = _started(manager, id, given, form)
        return layout.back(
            request, _task(id), f"{name(id)} {what}.", path=_run(run_id), link="Its run"
        )

    @router.post("/tasks/{id:path}/pause")
    def pause(request: Request, id: str, form: Form) -> Response:
        reason = form.get("reason", "").strip()[:1000] or "paused on the page"
        end = _end(manager, form)  # in the zone of the task
        manager.pause_task(id, until=end, reason=reason)
        return layout.back(request, _task(id), f"{name(id)} is paused {_until(manager, id)}.")

    @router.post("/tasks/{id:path}/resume")
    def resume(request: Request, id: str) -> Response:
        manager.resume_task(id)
        return layout.back(request, _task(id), f"{name(id)} {_after_pause(manager, id)}.")

    @router.post("/tasks/{id:path}/reset")
    def reset(request: Request, id: str, form: Form) -> Response:
        key = form.get("key", "")
        manager.reset_task(id, *([key] if key else []), reason="reset on the page")
        what = f"The edit of {key}" if key else "Every edit"
        text = f"{what} is reset: the options in the code apply."
        return layout.back(request, _task(id), text)

    @router.post("/tasks/{id:path}/skip")
    def skip(request: Request, id: str, form: Form) -> Response:
        skipped = manager.skip_next(id, at=_instant(form.get("at", "")))
        due = _at(from_datetime(skipped), layout.now())
        return layout.back(request, _task(id), f"The run of {name(id)} of {due} is skipped.")

    @router.post("/runs/{id}/retry")
    def retry(request: Request, id: str) -> Response:
        task_id = manager.get_run(id).task_id
        rate.spend(task_id)
        new = _run(manager.retry_run(id))
        text = f"{name(task_id)} is retried."
        return layout.back(request, new, text, path=new, link="The new run")

    @router.post("/runs/{id}/cancel")
    def cancel(request: Request, id: str) -> Response:
        state = manager.cancel_run(id, reason="cancelled on the page")
        done = "is cancelled" if state in FINAL else "is being cancelled"
        text = f"The run of {name(manager.get_run(id).task_id)} {done}."
        return layout.back(request, _run(id), text)


def _started(
    manager: TaskManager, id: str, given: Mapping[str, Any] | None, form: Mapping[str, str]
) -> tuple[str, str]:
    """Start a run with the options of a form; return its id, and what to say of the task."""
    own = options(form)
    if not own:
        return manager.run_task(id, arguments=given), "is started"
    handle = manager.enqueue(id, arguments=given, **own)
    if not handle.is_new:
        return handle.id, "has a run with that key already"
    waits = handle.state is State.SCHEDULED
    return handle.id, "waits for its time" if waits else "is started"


def _add_switches(router: APIRouter, layout: PageLayout) -> None:
    """Add the routes that switch a task on and off, and pause the tasks with a tag."""
    manager = layout.manager

    @router.post("/tasks/{id:path}/enable")
    def enable(request: Request, id: str) -> Response:
        manager.enable_task(id, reason="enabled on the page")
        return layout.back(request, _task(id), f"{task_name(manager, id)} is enabled.")

    @router.post("/tasks/{id:path}/disable")
    def disable(request: Request, id: str) -> Response:
        manager.disable_task(id, reason="disabled on the page")
        return layout.back(request, _task(id), f"{task_name(manager, id)} is disabled.")

    @router.post("/tags/{tag}/pause")
    def pause_tag(request: Request, tag: str, form: Form) -> Response:
        reason = form.get("reason", "").strip()[:1000] or "paused on the page"
        manager.pause_task(tag=tag, reason=reason)
        return layout.back(request, _tag(tag), f"The tasks with tag {tag} are paused.")

    @router.post("/tags/{tag}/resume")
    def resume_tag(request: Request, tag: str) -> Response:
        manager.resume_task(tag=tag)
        return layout.back(request, _tag(tag), f"The pause of tag {tag} is over.")


def _task(task_id: str) -> str:
    return f"/tasks/{quote(task_id, safe='')}"


def _tag(tag: str) -> str:
    return f"/tasks?tag={quote(tag, safe='')}"


def _after_pause(manager: TaskManager, id: str) -> str:
    """Return as text how a task is whose own pause was ended."""
    task = manager.get_task(id)
    others = [held_by(one.held) for one in task.pauses] if task is not None else []
    return f"is still paused by the pause of {' and of '.join(others)}" if others else "is resumed"


def _run(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}"


def _at(instant: Instant, now: Instant) -> str:
    return f"{clock(instant, now)} UTC"


def _until(manager: TaskManager, task_id: str) -> str:
    """Return as text how long a pause lasts that was just set."""
    task, now = manager.get_task(task_id), manager.services.clock.now()
    end = None if task is None else task.paused_until
    return "until it is resumed" if end is None else f"until {_at(from_datetime(end), now)}"


def _end(manager: TaskManager, form: Mapping[str, str]) -> datetime | None:
    """Return when a pause ends: at `until` (no zone), otherwise after `for` seconds or never."""
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
    """Return the instant in a button of the page; raises Problem for an invalid one."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_time("at", text) from None


def _no_time(field: str, text: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{field}: {text[:100]!r} is not a time.",
        kind="invalid",
        remedy="Write a day and a time, like 2026-01-31T09:00.",
    )
