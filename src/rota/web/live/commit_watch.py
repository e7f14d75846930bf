"""Feels for commits while anybody waits for them: one look for all listeners."""

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
"""Seconds between two looks; a look costs microseconds."""

MOST = 64
"""Streams that may be open at once."""

MOST_EACH = 16
"""Streams of one visitor: nobody takes the places of all others."""


class Pulse:
    """An async context that each stream enters; while one is in, the ledger is looked at.

    When `over`, no beat will come any more: a stream ends, for the server waits for it.
    """

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self.over = False
        self._ledger = ledger
        self._streams = 0
        self._visitors: Counter[str] = Counter()
        self._feeling: asyncio.Task[None] | None = None
        self._next = asyncio.Event()
        # Threads of its own: streams go on where every other request waits for the ledger.
        self._threads: CapacityLimiter | None = None

    def admit(self, request: Request) -> Callable[[], None]:
        """Take a place for a stream, and return what gives it back; raises Problem where too many
        are open, of this visitor or of all."""
        visitor = request.scope.get(USER) or (request.client.host if request.client else "")
        for count, most, whose in (
            (self._visitors[visitor], MOST_EACH, " of yours"),
            (self._visitors.total(), MOST, ""),
        ):
            if count >= most:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"{most} streams{whose} are open already.",
                    kind="too-many-streams",
                    remedy="Close some, or ask for the list again from time to time.",
                )
        self._visitors[visitor] += 1

        def leave() -> None:
            self._visitors[visitor] -= 1
            if not self._visitors[visitor]:
                del self._visitors[visitor]

        return leave

    async def __aenter__(self) -> Pulse:
        self._streams += 1
        if self._feeling is None:
            self.over = False
            self._next = asyncio.Event()
            self._threads = CapacityLimiter(4)
            self._feeling = asyncio.create_task(self._feel())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._streams -= 1
        if self._streams == 0 and self._feeling is not None:
            self._feeling.cancel()
            self._feeling = None

    async def read(self, look: Callable[[], T]) -> T:
        """Run a look at the ledger in a thread."""
        return await to_thread.run_sync(look, limiter=self._threads)

    def beat(self) -> asyncio.Event:
        """Return the next beat: take it before you look, so that nothing is missed between."""
        return self._next

    async def wait(self, beat: asyncio.Event, seconds: float) -> bool:
        """Wait for a beat, at most so long; say whether it came."""
        try:
            await asyncio.wait_for(beat.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _feel(self) -> None:
        version: int | None = None
        while not _server_ends():
            try:
                seen, version = version, await self.read(lambda: self._ledger().version())
            except LedgerError:
                version = None  # away: its return is news as well
            else:
                if seen != version:
                    self._next, beat = asyncio.Event(), self._next
                    beat.set()
            await asyncio.sleep(EVERY)
        self.over = True
        self._next.set()


def _server_ends() -> bool:
    """Say whether the server of this process, where that is uvicorn, has ceased to listen.

    It tells no answer so, and waits without limit for each to end; other servers cut them off.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return isinstance(server, uvicorn.Server) and not all(
        one.is_serving() for one in server.servers
    )
