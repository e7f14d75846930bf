"""Errors as RFC 9457 problem details: what went wrong, where, and how to fix it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, get_args, get_type_hints

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rota.core.secrets import redact_text
from rota.errors import (
    DefinitionError,
    LedgerError,
    Mistakes,
    RotaError,
    StateError,
    TaskLimitError,
    UnknownNodeError,
    UnknownRunError,
    UnknownTaskError,
    UnknownWindowError,
    nearest,
)
from rota.logs import queued
from rota.triggers.foreign_options import instead_of

logger = queued("rota.web")

_STATUS: tuple[tuple[type[RotaError], HTTPStatus], ...] = (
    (UnknownTaskError, HTTPStatus.NOT_FOUND),
    (UnknownNodeError, HTTPStatus.NOT_FOUND),
    (UnknownRunError, HTTPStatus.NOT_FOUND),
    (UnknownWindowError, HTTPStatus.NOT_FOUND),
    (StateError, HTTPStatus.CONFLICT),
    (TaskLimitError, HTTPStatus.CONFLICT),
    (DefinitionError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Mistakes, HTTPStatus.UNPROCESSABLE_ENTITY),
    (LedgerError, HTTPStatus.SERVICE_UNAVAILABLE),
)

_NO_JSON = "Send one JSON object, with the header Content-Type: application/json."
_REMEDIES = {
    "json_invalid": _NO_JSON,
    "model_attributes_type": _NO_JSON,
    "missing": "Give it a value.",
}

PAUSE = 5
"""Seconds in Retry-After, for problems that may be temporary."""

MOST_MISTAKES = 20
"""The most mistakes of a request that its answer lists."""

MOST_CHARACTERS = 500
"""The most characters of the request that each part of a mistake repeats."""

_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class Mistake(BaseModel):
    """One of several mistakes in a request."""

    detail: str
    where: str
    remedy: str


class ProblemRead(BaseModel):
    """What went wrong, and how to fix it (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    errors: list[Mistake] = Field(default_factory=list, description="Each mistake, if several.")


def _described(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    schema = ProblemRead.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["Mistake"]
    content = {"application/problem+json": {"schema": schema}}
    return {status.value: {"description": status.phrase, "content": content} for status in statuses}


PROBLEMS = _described(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""The problems that any request may cause, for the OpenAPI description."""


class Problem(Exception):
    """The reason why a request was rejected, as its answer gives it."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        kind: str = "",
        remedy: str = "",
        errors: Iterable[dict[str, str]] = (),
        allow: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.remedy = remedy
        self.errors = list(errors)
        self.allow = allow

    @property
    def title(self) -> str:
        """The status as text."""
        return self.status.phrase

    def body(self) -> dict[str, Any]:
        """Return the members of the problem document; secrets in what it repeats are masked."""
        body: dict[str, Any] = {
            "type": f"urn:rota:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status.value,
            "detail": redact_text(self.detail),
            "remedy": self.remedy,
        }
        errors = [
            {**one, "detail": redact_text(one["detail"]), "where": redact_text(one["where"])}
            for one in self.errors
        ]
        return {**body, "errors": errors} if errors else body

    def response(self) -> Response:
        """Return the problem document; it is ASCII, so that no invalid text can break it."""
        response = Response(
            json.dumps(self.body()), self.status.value, media_type="application/problem+json"
        )
        if self.status in _PASSING:
            response.headers["Retry-After"] = str(PAUSE)
        if self.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Bearer realm="rota"'
        if self.allow:
            response.headers["Allow"] = self.allow
        return response


def problem_of(error: Exception, request: Request) -> Problem:
    """Return an exception as a problem; an unexpected one is logged and its text not shown."""
    match error:
        case Problem():
            return error
        case RotaError():
            return _refused(error)
        case RequestValidationError():
            return _invalid(error, request)
        case HTTPException():
            return _unroutable(error, request)
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "this is a bug in the program, not a mistake of yours.",
        remedy="The traceback is in the log of the logger rota.web.",
    )


def _refused(error: RotaError) -> Problem:
    status = next(
        (status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.CONFLICT
    )
    several = error.errors if isinstance(error, Mistakes) else (error,)
    return Problem(
        status,
        error.what,
        kind=re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower(),
        remedy=error.remedy,
        errors=[_mistake(one.what, one.where, one.remedy) for one in several[:MOST_MISTAKES]]
        if status is HTTPStatus.UNPROCESSABLE_ENTITY
        else (),
    )


def _invalid(error: RequestValidationError, request: Request) -> Problem:
    known = _known_keys(request)
    found = error.errors()
    mistakes = [
        _mistake(
            str(one["msg"])[:MOST_CHARACTERS].removeprefix("Value error, "),
            ".".join(str(part)[:MOST_CHARACTERS] for part in one["loc"]),
            instead_of(one["loc"][-1]) or nearest(str(one["loc"][-1]), known)
            if one["type"] == "extra_forbidden"
            else _REMEDIES.get(one["type"], ""),
        )
        for one in found[:MOST_MISTAKES]
    ]
    more = f"; and {len(found) - len(mistakes):,} more" if len(found) > len(mistakes) else ""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{one['where']}: {one['detail']}" for one in mistakes) + more,
        kind="invalid",
        remedy=" ".join(one["remedy"] for one in mistakes if one["remedy"])
        or "Correct what is listed in errors.",
        errors=mistakes,
    )


def _known_keys(request: Request) -> list[str]:
    """Return the keys that the body of the route may have."""
    endpoint = request.scope.get("endpoint")
    hints = get_type_hints(endpoint) if endpoint else {}
    kinds = [
        kind
        for name, hint in hints.items()
        if name != "return"
        for kind in (hint, *get_args(hint))  # the model in `Model | None`
    ]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [name for model in models for name in model.model_fields]


def _unroutable(error: HTTPException, request: Request) -> Problem:
    status = HTTPStatus(error.status_code)
    remedies = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path[:200]}.",
        HTTPStatus.BAD_REQUEST: _NO_JSON,
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path[:200]} does not allow {request.method}.",
    }
    allow = (error.headers or {}).get("Allow", "")
    return Problem(status, str(error.detail), remedy=remedies.get(status, ""), allow=allow)


def _mistake(detail: str, where: str, remedy: str) -> dict[str, str]:
    return {"detail": detail, "where": where, "remedy": remedy}
