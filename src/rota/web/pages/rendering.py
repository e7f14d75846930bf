"""The template engine, which escapes every value; it is independent of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rota.core.secrets import redact_value
from rota.core.time import to_iso
from rota.web.pages import format
from rota.web.pages.parts.run_strip import outline


@cache
def environment() -> Environment:
    """Return the engine, created for the first page."""
    engine = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=format.neutralise,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters.update(
        address=lambda text: quote(text, safe=""),
        as_json=lambda value, key="": format.as_json(redact_value(key, value)),
        iso=to_iso,
        number=lambda value: f"{value:.12g}",
        query=_query,
        secret=format.secret,
        size=format.size,
        span=format.span,
        format_duration=format.format_duration,
    )
    engine.globals.update(clock=format.clock, distance=format.distance, outline=outline)
    return engine


def _query(values: Mapping[str, Any]) -> str:
    """Return the query of a URL, without empty values and without the first page."""
    return urlencode({name: v for name, v in values.items() if v and (name, v) != ("page", 1)})


def render(
    request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any
) -> Response:
    """Return a page; `base` in its template is the path below which the application is mounted."""
    base = request.scope.get("root_path", "")
    page = environment().get_template(template).render(base=base, **values)
    return HTMLResponse(page, status.value)
