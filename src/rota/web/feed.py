"""One reader of what changed, for everybody who listens; each listener has a queue of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from rota.core.ports import Clock, History
from rota.errors import LedgerError
from rota.web.news import RESET, Event, News
from rota.web.pulse import Pulse

logger = logging.getLogger("rota.web")

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

    def __init__(self, pulse: Pulse, history: Callable[[], History], clock: Clock) -> None:
        self._pulse = pulse
        self._history = history
        self._clock = clock
        self._queues: set[asyncio.Queue[Event]] = set()
        self._reading: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[Event | None]:
        """Yield what changes from now on; None after a while in which nothing did."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE)
        async with self._pulse:
            self._queues.add(queue)
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            try:
                while True:
                    try:
                        yield await asyncio.wait_for(queue.get(), HEARTBEAT)
                    except TimeoutError:
                        yield None
            finally:
                self._queues.discard(queue)
                if not self._queues and self._reading is not None:
                    self._reading.cancel()
                    self._reading = None

    async def _read(self) -> None:
        news: News | None = None
        while True:
            beat = self._pulse.beat()
            began = self._clock.monotonic()
            try:
                if news is None:
                    news = await self._pulse.read(lambda: News(self._history(), self._clock))
                    events = [RESET]  # whatever was before, it may be otherwise now
                else:
                    events = await self._pulse.read(news.read)
            except LedgerError as error:
                logger.debug("Could not look for changes: %s", error)
                events = []
            except Exception:
                logger.exception("looking for changes failed and begins anew")
                news, events = None, []
            for event in events:
                self._tell(event)
            rest = REST * (self._clock.monotonic() - began)
            await asyncio.sleep(max(rest, CROWD) if events == [RESET] else rest)
            await self._pulse.wait(beat, HEARTBEAT)

    def _tell(self, event: Event) -> None:
        for queue in self._queues:
            fell_behind = queue.full()
            while fell_behind and not queue.empty():
                queue.get_nowait()
            queue.put_nowait(RESET if fell_behind else event)
