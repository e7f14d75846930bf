"""The layout of every screen: the navigation, the node's health, and the common values."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from rota.core.reasons import TroubleCode
from rota.core.time import Instant
from rota.diagnosis.health import is_grave, reasons_of
from rota.manager import TaskManager
from rota.web.audited_routes import RIGHT
from rota.web.guard import path_of
from rota.web.pages.flash import FlashMessage, FlashMessages
from rota.web.pages.parts.forms import back
from rota.web.pages.rendering import render
from rota.web.problems import Problem


class Screen(NamedTuple):
    """An entry of the navigation."""

    name: str
    path: str


SCREENS = (
    Screen("Now", "/"),
    Screen("Tasks", "/tasks"),
    Screen("Timeline", "/timeline"),
    Screen("Calendar", "/calendar"),
    Screen("Failures", "/failures"),
    Screen("Nodes", "/nodes"),
    Screen("Audit", "/audit"),
    Screen("Settings", "/settings"),
)
"""The navigation, in its order."""


class PageLayout:
    """The layout around the screens of one manager."""

    def __init__(self, manager: TaskManager) -> None:
        self.manager = manager
        self.flash = FlashMessages(manager)

    def now(self) -> Instant:
        """Return the node's time."""
        return self.manager.services.clock.now()

    def show(self, request: Request, template: str, *, about: str = "", **values: Any) -> Response:
        """Return a screen.

        Every template also gets `app_name`, `now` (unless it is among the values), `health`, `base`
        (the path below which the application is mounted), `screens`, `here`, `right` and `message`
        (the outcome of the form that led here). `about` is the id of the task or run that the
        screen shows: the screen is refreshed when that changes; without `about`, on any change.
        """
        health = self.manager.health()
        values = {"now": self.now(), "health": health, **values}
        values |= notices(health)
        values["app_name"] = self.manager.config.app_name
        message = self.flash.find(request)
        page = render(
            request,
            template,
            about=about,
            message=message,
            screens=SCREENS,
            here=_here(request),
            right=right_of(request),
            **values,
        )
        if message is not None:
            self.flash.take_back(request, page)
        return page

    def back(
        self, request: Request, otherwise: str, text: str, *, path: str = "", link: str = ""
    ) -> Response:
        """Redirect to the page of the form, which then shows the outcome of the form."""
        return self.flash.add(request, back(request, otherwise), FlashMessage(text, path, link))


def plain_page(
    layout: PageLayout,
    request: Request,
    template: str,
    status: HTTPStatus = HTTPStatus.OK,
    **values: Any,
) -> Response:
    """Return a page without navigation, for visitors who are not signed in."""
    shown = {"screens": (), "here": "", "about": "", "right": "", "message": None, **values}
    return render(request, template, status, app_name=layout.manager.config.app_name, **shown)


def error_page(request: Request, problem: Problem) -> Response:
    """Return a problem as a page."""
    shown = {"screens": SCREENS, "here": "", "about": "", "app_name": "rota", "message": None}
    status, right = HTTPStatus(problem.status), right_of(request)
    return render(request, "error.html", status, problem=problem, right=right, **shown)


def right_of(request: Request) -> str:
    """Return the right of the visitor, or "" for an unknown one."""
    right: str = request.scope.get(RIGHT, "")
    return right


def notices(health: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every screen says of the node: `notices`, and if they are `grave`.

    Broken task files are left out: the page lists them in a place of their own.
    """
    found = [one for one in reasons_of(health) if one.code is not TroubleCode.FILE_BROKEN]
    return {"notices": found, "grave": is_grave(health)}


def _here(request: Request) -> str:
    """Return the path of the screen that the request belongs to."""
    path = path_of(request.scope)
    below = [one.path for one in SCREENS if path == one.path or path.startswith(f"{one.path}/")]
    return max(below, key=len, default="")
