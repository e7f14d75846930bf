"""Routes that set the actor of a request: the audit records the interface and a known name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from rota.core.audit import Face
from rota.errors import nearest
from rota.task_api.actor import acting
from rota.web.problems import MOST_CHARACTERS, MOST_MISTAKES, Problem

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
    """A route of the API; it takes no other query parameters than those it names."""

    face = Face.REST

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        known = _parameters(self.dependant)
        is_ours = self.path.startswith("/manager")  # what probes a health may add what it likes

        async def answer(request: Request) -> Response:
            unknown = [name for name in request.query_params if name not in known]
            if unknown and is_ours:
                raise _unknown(unknown, known)
            return await handler(request)

        return answer


def _parameters(endpoint: Dependant) -> list[str]:
    """Return the query parameters of an endpoint, with those of what it depends on."""
    own = [one.alias for one in endpoint.query_params]
    return [*own, *(name for one in endpoint.dependencies for name in _parameters(one))]


def _unknown(names: Sequence[str], known: Sequence[str]) -> Problem:
    listed = f"Known: {', '.join(sorted(known))}." if known else "Send none here."
    errors = [
        {
            "detail": f"{name[:MOST_CHARACTERS]!r} is no parameter of this address",
            "where": f"query.{name[:MOST_CHARACTERS]}",
            "remedy": nearest(name, known) or listed,
        }
        for name in names[:MOST_MISTAKES]
    ]
    detail = "; ".join(one["detail"] for one in errors)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return Problem(status, detail, kind="invalid", remedy=listed, errors=errors)


class PageRoute(_FaceRoute):
    """A route of the pages."""

    face = Face.PAGE
