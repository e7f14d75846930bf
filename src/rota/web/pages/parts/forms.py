"""Forms: reading their fields, and redirecting to the page of the form."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rota.web.problems import Problem

MOST_FIELDS = 1_000


async def _form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; the last one if several have the same name."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"the form has more than {MOST_FIELDS:,} fields.",
            kind="invalid",
            remedy="Send only the fields of the page.",
        ) from None


Form = Annotated[Mapping[str, str], Depends(_form)]


def back(request: Request, otherwise: str) -> Response:
    """Redirect to the page of the form, if it is known and one of ours, else to `otherwise`."""
    base: str = request.scope.get("root_path", "")
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        came_from = urlsplit("")
    ours = came_from.netloc == request.headers["host"] and came_from.path.startswith(f"{base}/")
    query = f"?{came_from.query}" if came_from.query else ""
    path = f"{came_from.path.removeprefix(base)}{query}" if ours else otherwise
    return lead(request, path, otherwise)


def lead(request: Request, path: str, otherwise: str = "/") -> Response:
    """Redirect to a path of this application, below its mount point.

    If `path` is no such path, redirect to `otherwise`.
    """
    base: str = request.scope.get("root_path", "")
    if not path.startswith("/") or path.startswith(("//", "/\\")):  # it would name another host
        path = otherwise
    return RedirectResponse(f"{base}{path}", HTTPStatus.SEE_OTHER)
