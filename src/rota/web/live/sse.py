"""Server-sent events as text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from anyio import CancelScope
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from rota.web.access import ACCESS, Access

AGAIN = 2_000
"""Milliseconds after which a browser reconnects."""

ASK = 1.0
"""Seconds between two checks that the token of a listener is still valid."""

ALIVE = ": alive\n\n"
"""A comment: nothing happened, and the stream is alive."""

_TEXT = {"type": "string"}
_EVENT = {"type": "object", "properties": {"event": _TEXT, "data": _TEXT, "id": _TEXT}}
DESCRIPTION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": _EVENT}}}
}
"""Such an answer in the OpenAPI description, which describes a single event."""


def event(kind: str, data: Any, *, id: str = "") -> str:
    """Return an event as text; `data` becomes JSON on one line."""
    head = f"id: {id}\n" if id else ""
    return f"event: {kind}\n{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"


def stream(events: AsyncGenerator[str], leave: Callable[[], None]) -> Response:
    """Return an answer that sends events as they come; `leave` is called at its end."""

    async def whole() -> AsyncIterator[str]:
        yield f"retry: {AGAIN}\n\n"
        async with aclosing(events):
            async for one in events:
                yield one

    # nginx would buffer small parts until there are more of them
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return _Stream(whole(), leave, headers)


class _Stream(StreamingResponse):
    """A stream that ends when the token of its listener ends."""

    def __init__(
        self, events: AsyncIterator[str], leave: Callable[[], None], headers: dict[str, str]
    ) -> None:
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._send(scope, receive, send)
        finally:
            self._leave()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        with CancelScope() as welcome:
            asking = asyncio.create_task(_ask(scope, welcome))
            try:
                await super().__call__(scope, receive, send)
            finally:
                asking.cancel()
        if welcome.cancelled_caught:
            await send({"type": "http.response.body", "body": b""})


async def _ask(scope: Scope, welcome: CancelScope) -> None:
    """Cancel the stream once its visitor is no longer admitted.

    If the application's own middleware admitted the visitor, nothing is checked.
    """
    access: Access | None = scope.get(ACCESS)
    while access is not None:
        await asyncio.sleep(ASK)
        if await run_in_threadpool(access.visitor, Request(scope)) is None:
            welcome.cancel()
            return
