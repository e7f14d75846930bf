"""Routes that say who acts: the audit has the face, and the name where one is known."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from rota.core.audit import Face
from rota.task_api.actor import acting

USER = "rota.user"
"""Under this key, a request's scope has the name of the user or token who asks, where known."""

RIGHT = "rota.right"
"""Under this key, what they may do, a `core.access.Right`; a user's own middleware may set both."""


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
