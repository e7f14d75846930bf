"""The pages: rendered on the server, refreshed in place by htmx, usable without scripts.

A screen is a module with `add(router, layout)` and a template; its name in the navigation is in
`layout`.
"""

from __future__ import annotations

from fastapi import APIRouter

from rota.manager import TaskManager
from rota.web.access import Access
from rota.web.audited_routes import PageRoute
from rota.web.pages.layout import PageLayout, error_page
from rota.web.pages.screens import (
    actions,
    audit,
    backfill,
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
    layout = PageLayout(manager)
    screens = (now, tasks, task, run, timeline, calendar, failures, nodes, audit, settings)
    for screen in screens:
        screen.add(router, layout)
    actions.add(router, layout, rate)
    backfill.add(router, layout, rate)
    sign_in.add(router, layout, access)
    tokens.add(router, layout)
    return router
