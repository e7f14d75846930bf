"""The pages: rendered on the server, refreshed in place by htmx, usable without scripts.

A screen is a module with `add(router, frame)` and a template; its name in the navigation is in
`layout`.
"""

from __future__ import annotations

from fastapi import APIRouter

from rota.manager import TaskManager
from rota.web.access import Access
from rota.web.audited_routes import PageRoute
from rota.web.pages.layout import Frame, error_page
from rota.web.pages.screens import (
    actions,
    audit,
    calendar,
    failures,
    nodes,
    now,
    run,
    settings,
    sign_in,
    task,
    tasks,
    timeline,
    tokens,
)
from rota.web.rate_limit import ManualRunLimiter

__all__ = ["build", "error_page"]


def build(manager: TaskManager, access: Access, rate: ManualRunLimiter) -> APIRouter:
    """Return the router of all screens and of the forms on them."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    frame = Frame(manager)
    screens = (now, tasks, task, run, timeline, calendar, failures, nodes, audit, settings)
    for screen in screens:
        screen.add(router, frame)
    actions.add(router, frame, rate)
    sign_in.add(router, frame, access)
    tokens.add(router, frame)
    return router
