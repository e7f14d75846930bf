"""Server-sent events, as text."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

AGAIN = 2_000
"""Milliseconds after which a browser connects again."""

ALIVE = ": alive\n\n"
"""A comment: nothing happened, the stream still stands."""

_TEXT = {"type": "string"}
_EVENT = {"type": "object", "properties": {"event": _TEXT, "data": _TEXT, "id": _TEXT}}
DESCRIPTION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": _EVENT}}}
}
"""What such an answer is, for the description of the API: each event on its own."""


def event(kind: str, data: Any, *, id: str = "") -> str:
    """Write an event; `data` becomes JSON on one line."""
    head = f"id: {id}\n" if id else ""
    return f"event: {kind}\n{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"


def stream(events: AsyncGenerator[str]) -> Response:
    """Return the answer that sends them as they come."""

    async def whole() -> AsyncIterator[str]:
        yield f"retry: {AGAIN}\n\n"
        async with aclosing(events):
            async for one in events:
                yield one

    # nginx would keep what is small until there is more of it
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(whole(), media_type="text/event-stream", headers=headers)
