"""The forms for tokens on the screen Settings."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.access import Right
from rota.core.time import DAY, SECOND
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.forms import Form
from rota.web.problems import Problem

LONGEST_NAME = 100


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the routes of the forms."""

    @router.post("/tokens")
    def create(request: Request, form: Form) -> Response:
        right, days = form.get("right", ""), form.get("days", "")
        if right not in list(Right) or (days and not days.isdecimal()):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"right {right[:20]!r} or days {days[:20]!r} is not valid.",
                kind="invalid",
                remedy="Choose a right, and write a number of days or nothing.",
            )
        lifetime = min(int(days[:5]), 36_500) * DAY / SECOND if days else None
        granted = layout.manager.create_token(
            form.get("name", "")[:LONGEST_NAME], right, lifetime=lifetime
        )
        return layout.show(request, "token.html", granted=granted)

    @router.post("/tokens/revoke")
    def revoke(request: Request, form: Form) -> Response:
        name = form.get("name", "")
        layout.manager.revoke_token(name, reason="revoked on the page")
        return layout.back(request, "/settings", f"The token {name} is revoked.")
