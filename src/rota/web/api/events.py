"""`GET /manager/events`: what changes, as it changes, whoever changed it on whichever node."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from rota.manager import TaskManager
from rota.web.live import sse
from rota.web.live.broadcast import Feed
from rota.web.live.commit_watch import Pulse


def add(router: APIRouter, manager: TaskManager, pulse: Pulse) -> None:
    """Add the endpoint."""
    feed = Feed(pulse, manager)

    @router.get("/manager/events", tags=["events"], responses=sse.DESCRIPTION)
    async def follow_changes(request: Request) -> Response:
        """Stream what changes as server-sent events.

        `run` has `id`, `task_id`, `state`, `attempt`; `task` has `id`, `removed`; `node` has `id`,
        `name`, `state`. `reset`, also the first one, says: read anew what you show, for more may
        have changed than was told. A state that passed between two looks is not told.
        """
        return sse.stream(_texts(feed), pulse.admit(request))


async def _texts(feed: Feed) -> AsyncGenerator[str]:
    async for event in feed.listen():
        yield sse.ALIVE if event is None else sse.event(event.kind, event.data)
