"""The screen Backfill: which past occurrences would be run again, and the buttons that do it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.task import Overlap
from rota.core.time import from_datetime
from rota.errors import RotaError
from rota.manager import TaskManager
from rota.manager.replays import MOST_REPLAYED, USUAL_LIMIT
from rota.web.api.tasks import existing
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.figures import task_name
from rota.web.pages.parts.forms import Form
from rota.web.problems import Problem
from rota.web.rate_limit import ManualRunLimiter

SHOWN = 200
"""The most listed occurrences."""

_Field = Annotated[str, Query(max_length=100)]


def add(router: APIRouter, layout: PageLayout, rate: ManualRunLimiter) -> None:
    """Add the screen, and the routes of its forms."""
    manager = layout.manager

    @router.get("/backfill/{id:path}")
    def show_backfill(
        request: Request,
        id: str,
        since: _Field = "",
        until: _Field = "",
        limit: _Field = "",
        missing: _Field = "",
    ) -> Response:
        asked = {"since": since, "until": until, "limit": limit, "missing": missing}
        values = _values(manager, id, asked)
        return layout.show(request, "backfill.html", about=id, **values)

    @router.post("/tasks/{id:path}/backfill")
    def backfill(request: Request, id: str, form: Form) -> Response:
        rate.spend(id)
        runs = manager.backfill(
            id,
            _moment("since", form.get("since", "")),
            _moment("until", form["until"]) if form.get("until") else None,
            limit=_number("limit", form.get("limit", ""), USUAL_LIMIT),
            parallel=_number("parallel", form.get("parallel", ""), 1),
            force=bool(form.get("force")),
            missing=bool(form.get("missing")),
            reason=form.get("reason", "").strip()[:1000] or "backfill on the page",
        )
        noun = "occurrence" if len(runs) == 1 else "occurrences"
        text = f"{len(runs)} past {noun} of {task_name(manager, id)} run again."
        first = f"/runs/{quote(runs[0], safe='')}" if runs else ""
        return layout.back(
            request, f"/tasks/{quote(id, safe='')}", text, path=first, link="The first run"
        )

    @router.post("/runs/{id}/rerun")
    def rerun(request: Request, id: str) -> Response:
        task_id = manager.get_run(id).task_id
        rate.spend(task_id)
        new = f"/runs/{quote(manager.rerun(id, reason='rerun on the page'), safe='')}"
        text = f"The occurrence of {task_name(manager, task_id)} is done again."
        return layout.back(request, new, text, path=new, link="The new run")


def _values(manager: TaskManager, id: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the template; raises UnknownTaskError and LedgerError."""
    task, entry = existing(manager, id), manager.services.engine.registry.get(id)
    values: dict[str, Any] = {
        "task": task,
        "asked": asked,
        "most": MOST_REPLAYED,
        "usual": USUAL_LIMIT,
        "may_be_parallel": entry is not None and entry.policy.overlap is Overlap.ALLOW,
        "plan": None,
        "shown": [],
        "mistake": "",
    }
    if not asked["since"]:
        return values
    try:
        plan = manager.plan_backfill(
            id,
            _moment("since", asked["since"]),
            _moment("until", asked["until"]) if asked["until"] else None,
            limit=_number("limit", asked["limit"], USUAL_LIMIT),
            missing=bool(asked["missing"]),
        )
    except (RotaError, Problem) as error:
        return values | {"mistake": str(error)}
    found = plan.occurrences
    return values | {
        "plan": plan,
        "count": sum(one.active is None for one in found),
        "rest": max(0, len(found) - SHOWN),
        "shown": [(from_datetime(one.fire_time), one) for one in found[:SHOWN]],
    }


def _moment(field: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _invalid(
            field, text, "a time", "Write a day and a time, like 2026-01-31T09:00."
        ) from None


def _number(field: str, text: str, otherwise: int) -> int:
    try:
        return int(text) if text else otherwise
    except ValueError:
        raise _invalid(field, text, "a whole number", "Write a number like 10.") from None


def _invalid(field: str, text: str, what: str, remedy: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{field}: {text[:100]!r} is not {what}.",
        kind="invalid",
        remedy=remedy,
    )
