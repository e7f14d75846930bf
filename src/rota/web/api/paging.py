"""Paging of lists: the parameters, and the header that names the next page."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Query, Request, Response

Id = Annotated[str, Path(description="The task's id, percent-encoded if it contains a slash.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most entries in the answer.")]
After = Annotated[
    str | None, Query(max_length=200, description="The last known entry; taken from `Link`.")
]


def address(request: Request, kind: str, id: str) -> str:
    """Return the path of a task or a run, for a header `Location`."""
    return f"{request.scope.get('root_path', '')}/manager/{kind}/{quote(id, safe='')}"


def link_next(request: Request, response: Response, after: str | None) -> None:
    """Set the header `Link: <…>; rel="next"` if there is a next page."""
    if after is not None:
        query = request.url.include_query_params(after=after).query
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
