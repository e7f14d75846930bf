"""One reader of what changed, for everybody who listens; each listener has a queue of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from rota.errors import LedgerError
from rota.logs import queued
from rota.manager import TaskManager
from rota.web.live.changes import RESET, LedgerEvent, News
from rota.web.live.commit_watch import Pulse

logger = queued("rota.web")

QUEUE = 1_000
"""Events that wait for one listener; who falls behind further is told to look anew."""

HEARTBEAT = 15.0
"""Seconds of silence after which a listener hears that the stream still stands."""

REST = 9
"""How many times as long as a look took the reader rests: it never costs a tenth of a core."""

CROWD = 2.0
"""Seconds of rest where there was too much to tell."""


class Feed:
    """Reads while anybody listens."""

    def __init__(self, pulse: Pulse, manager: TaskManager) -> None:
        self._pulse = pulse
        self._manager = manager
        self._queues: set[asyncio.Queue[LedgerEvent]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._primed = False  # whether it knows how things stood, and so tells what changes

    async def listen(self) -> AsyncIterator[LedgerEvent | None]:
        """Yield what changes from now on; None after a while in which nothing did."""
        queue: asyncio.Queue[LedgerEvent] = asyncio.Queue(QUEUE)
        async with self._pulse:
            self._queues.add(queue)
            if self._primed:
                queue.put_nowait(RESET)
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            try:
                while not self._pulse.over:
                    try:
                        yield await asyncio.wait_for(queue.get(), HEARTBEAT)
                    except TimeoutError:
                        yield None
            finally:
                self._queues.discard(queue)
                if not self._queues and self._reading is not None:
                    self._reading.cancel()
                    self._reading, self._primed = None, False

    async def _read(self) -> None:
        news: News | None = None
        while not self._pulse.over:
            clock = self._manager.services.clock  # of now: a fork or a lent loop makes new ones
            beat, began, crowd = self._pulse.beat(), clock.monotonic(), False
            try:
                if news is None:
                    news = await self._pulse.read(self._first_news)
                    self._primed = True
                    self._tell([RESET])
                else:
                    events = await self._pulse.read(news.read)
                    crowd = RESET in events
                    self._tell(events)
            except LedgerError as error:
                logger.debug("Could not look for changes: %s", error)
            except Exception:
                logger.exception("Looking for changes failed and begins anew")
                news, self._primed = None, False
            rest = REST * (clock.monotonic() - began)
            await asyncio.sleep(max(rest, CROWD) if crowd else rest)
            await self._pulse.wait(beat, HEARTBEAT)
        self._tell([RESET])  # it wakes them, and they see that it is over

    def _first_news(self) -> News:
        return News(self._manager.history, self._manager.services.clock)

    def _tell(self, events: Iterable[LedgerEvent]) -> None:
        for event in events:
            for queue in self._queues:
                fell_behind = queue.full()
                while fell_behind and not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RESET if fell_behind else event)
