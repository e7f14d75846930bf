"""Polling the ledger for commits while there are listeners: one poll for all of them."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from rota.core.ports.ledger import Ledger
from rota.errors import LedgerError
from rota.web.audited_routes import USER
from rota.web.problems import Problem

T = TypeVar("T")

EVERY = 0.2
"""Seconds between two polls; a poll costs microseconds."""

MOST = 64
"""The most streams that may be open at once."""

MOST_EACH = 16
"""The most streams of one visitor, so that no visitor uses up all of them."""


class CommitWatch:
    """An async context that each stream enters; while a stream is open, the ledger is polled.

    Once `over`, there are no more beats: each stream ends, since the server waits for it.
    """

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self.over = False
        self._ledger = ledger
        self._streams = 0
        self._visitors: Counter[str] = Counter()
        self._polling: asyncio.Task[None] | None = None
        self._next = asyncio.Event()
        # Its own threads: streams continue even if all other requests wait for the ledger.
        self._threads: CapacityLimiter | None = None

    def admit(self, request: Request) -> Callable[[], None]:
        """Reserve a place for a stream, and return the function that releases it.

        Raises Problem if too many streams are open, of this visitor or in total.
        """
        visitor = request.scope.get(USER) or (request.client.host if request.client else "")
        for count, most, whose in (
            (self._visitors[visitor], MOST_EACH, " of yours"),
            (self._visitors.total(), MOST, ""),
        ):
            if count >= most:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"{most} streams{whose} are already open.",
                    kind="too-many-streams",
                    remedy="Close some, or ask for the list again from time to time.",
                )
        self._visitors[visitor] += 1

        def leave() -> None:
            self._visitors[visitor] -= 1
            if not self._visitors[visitor]:
                del self._visitors[visitor]

        return leave

    async def __aenter__(self) -> CommitWatch:
        self._streams += 1
        if self._polling is None:
            self.over = False
            self._next = asyncio.Event()
            self._threads = CapacityLimiter(4)
            self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._streams -= 1
        if self._streams == 0 and self._polling is not None:
            self._polling.cancel()
            self._polling = None

    async def read(self, look: Callable[[], T]) -> T:
        """Run `look`, which reads the ledger, in a thread."""
        return await to_thread.run_sync(look, limiter=self._threads)

    def beat(self) -> asyncio.Event:
        """Return the next beat; get it before you read, so that no commit in between is missed."""
        return self._next

    async def wait(self, beat: asyncio.Event, seconds: float) -> bool:
        """Wait for a beat, at most `seconds`; returns whether it came."""
        try:
            await asyncio.wait_for(beat.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        version: int | None = None
        while not _server_ends():
            try:
                seen, version = version, await self.read(lambda: self._ledger().version())
            except LedgerError:
                version = None  # an outage: its end is a change as well
            else:
                if seen != version:
                    self._next, beat = asyncio.Event(), self._next
                    beat.set()
            await asyncio.sleep(EVERY)
        self.over = True
        self._next.set()


def _server_ends() -> bool:
    """Return whether the uvicorn server of this process has stopped listening.

    uvicorn does not notify open answers, and waits for them without limit. Other servers cut them
    off.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return isinstance(server, uvicorn.Server) and not all(
        one.is_serving() for one in server.servers
    )
