"""The pages and the REST interface: on their own port, or within the user's application.

Importing this loads no web framework; the functions below load it when they are called.
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
    """Return the server of the pages and the API; it does not listen before its `start()`.

    Host and port default to `manager.host` and `manager.port`; port 0 means any free port. Raises
    ConfigError if other machines can reach the address and no token exists.
    """
    from rota.web.server import Server

    settings = manager.config.manager
    return Server(
        manager,
        settings.host if host is None else host,
        settings.port if port is None else port,
    )


def application(manager: TaskManager | None = None, *, hosts: Collection[str] = ()) -> FastAPI:
    """Return the ASGI application of the pages and the API.

    `hosts` are the host names that it accepts besides localhost.
    """
    from rota.web.composition import build

    return build(manager or _of_this_process(), hosts)


def mount(
    app: Starlette,
    path: str = "/rota",
    manager: TaskManager | None = None,
    *,
    hosts: Collection[str] = (),
) -> None:
    """Mount the pages and the API below `path` of the user's application (FastAPI, Starlette).

    They show the task manager of this process, or `manager` if it is given.
    """
    app.mount(path, application(manager, hosts=hosts), name="rota")


def router(manager: TaskManager | None = None, *, hosts: Collection[str] = ()) -> APIRouter:
    """Return the API alone, `/manager/…` and `/health`, for FastAPI's `app.include_router`."""
    from rota.web.api import guarded

    return guarded(manager or _of_this_process(), hosts)


def _of_this_process() -> TaskManager:
    from rota.manager import Manager

    return Manager.task_manager
