"""The pages and the REST interface: on a port of their own, or within the user's application.

Importing this loads no web framework; that happens when one of these is called.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI
    from starlette.applications import Starlette

    from rota.manager import TaskManager
    from rota.web.server import Server

__all__ = ["application", "mount", "router", "serve"]


def serve(manager: TaskManager, host: str | None = None, port: int | None = None) -> Server:
    """Make the server of pages and API; nothing listens before its `start()`.

    Host and port default to `manager.host` and `manager.port`, port 0 means any free one. Raises
    ConfigError for an address that others can reach while there is no token.
    """
    from rota.web.server import Server

    settings = manager.config.manager
    return Server(
        manager,
        settings.host if host is None else host,
        settings.port if port is None else port,
    )


def application(manager: TaskManager | None = None, *, hosts: Collection[str] = ()) -> FastAPI:
    """Make the ASGI application of pages and API; `hosts` are names it answers to beside
    localhost."""
    from rota.web.composition import build

    return build(manager or _of_this_process(), hosts)


def mount(
    app: Starlette,
    path: str = "/rota",
    manager: TaskManager | None = None,
    *,
    hosts: Collection[str] = (),
) -> None:
    """Put pages and API below `path` of the user's own application (FastAPI, Starlette); they show
    the task manager of this process, or another one."""
    app.mount(path, application(manager, hosts=hosts), name="rota")


def router(manager: TaskManager | None = None, *, hosts: Collection[str] = ()) -> APIRouter:
    """Make the API alone, `/manager/…` and `/health`, for `app.include_router` of FastAPI."""
    from rota.web.api import guarded

    return guarded(manager or _of_this_process(), hosts)


def _of_this_process() -> TaskManager:
    from rota.manager import Manager

    return Manager.task_manager
