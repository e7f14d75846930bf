"""Routes that set the actor of a request: the audit records the interface and a known name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from rota.core.audit import Face
from rota.task_api.actor import acting

USER = "rota.user"
"""The key of the user's or token's name in the scope of a request, if it is known."""

RIGHT = "rota.right"
"""The key of their right, a `core.access.Right`; an application's middleware may set both."""


class _FaceRoute(APIRoute):
    face: Face

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with acting(self.face, request.scope.get(USER, "")):
                return await handler(request)

        return answer


class RestRoute(_FaceRoute):
    """A route of the API."""

    face = Face.REST


class PageRoute(_FaceRoute):
    """A route of the pages."""

    face = Face.PAGE
