"""`GET /manager/events`: changes as they happen, on all nodes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from rota.manager import TaskManager
from rota.web.live import sse
from rota.web.live.broadcast import ChangeBroadcast
from rota.web.live.commit_watch import CommitWatch


def add(router: APIRouter, manager: TaskManager, commits: CommitWatch) -> None:
    """Add the endpoint."""
    broadcast = ChangeBroadcast(commits, manager)

    @router.get("/manager/events", tags=["events"], responses=sse.DESCRIPTION)
    async def follow_changes(request: Request) -> Response:
        """Stream changes as server-sent events.

        `run` has `id`, `task_id`, `state` and `attempt`; `task` has `id` and `removed`; `node` has
        `id`, `name` and `state`. `reset`, which is also the first event, means: read again what
        you show, since more may have changed than was reported. A state that lasted only between
        two reads is not reported.
        """
        return sse.stream(_texts(broadcast), commits.admit(request))


async def _texts(broadcast: ChangeBroadcast) -> AsyncGenerator[str]:
    async for event in broadcast.listen():
        yield sse.ALIVE if event is None else sse.event(event.kind, event.data)
