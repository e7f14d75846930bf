"""Broadcasting changes: one reader for all listeners, each of which has its own queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from rota.errors import LedgerError
from rota.logs import queued
from rota.manager import TaskManager
from rota.web.live.changes import RESET, ChangeReader, LedgerEvent
from rota.web.live.commit_watch import CommitWatch

logger = queued("rota.web")

QUEUE = 1_000
"""The most events that wait for one listener; one that falls further behind gets a reset."""

HEARTBEAT = 15.0
"""Seconds of silence after which a listener gets a sign that the stream is alive."""

REST = 9
"""The reader's rest, as a multiple of its last read's time: it never costs a tenth of a core."""

CROWD = 2.0
"""Seconds of rest after too many changes to report singly."""


class ChangeBroadcast:
    """A reader of changes that runs while there are listeners."""

    def __init__(self, commits: CommitWatch, manager: TaskManager) -> None:
        self._commits = commits
        self._manager = manager
        self._queues: set[asyncio.Queue[LedgerEvent]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._primed = False  # whether it has read a first state, to report changes of

    async def listen(self) -> AsyncIterator[LedgerEvent | None]:
        """Yield the changes from now on; None after HEARTBEAT seconds without one."""
        queue: asyncio.Queue[LedgerEvent] = asyncio.Queue(QUEUE)
        async with self._commits:
            self._queues.add(queue)
            if self._primed:
                queue.put_nowait(RESET)
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            try:
                while not self._commits.over:
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
        reader: ChangeReader | None = None
        while not self._commits.over:
            clock = self._manager.services.clock  # read each time: a fork or a new loop replaces it
            beat, began, crowd = self._commits.beat(), clock.monotonic(), False
            try:
                if reader is None:
                    reader = await self._commits.read(self._first_reader)
                    self._primed = True
                    self._publish([RESET])
                else:
                    events = await self._commits.read(reader.read)
                    crowd = RESET in events
                    self._publish(events)
            except LedgerError as error:
                logger.debug("Could not look for changes: %s", error)
            except Exception:
                logger.exception("Reading changes failed and starts again")
                reader, self._primed = None, False
            rest = REST * (clock.monotonic() - began)
            await asyncio.sleep(max(rest, CROWD) if crowd else rest)
            await self._commits.wait(beat, HEARTBEAT)
        self._publish([RESET])  # wakes the listeners, which then see that it is over

    def _first_reader(self) -> ChangeReader:
        return ChangeReader(self._manager.history, self._manager.services.clock)

    def _publish(self, events: Iterable[LedgerEvent]) -> None:
        for event in events:
            for queue in self._queues:
                fell_behind = queue.full()
                while fell_behind and not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RESET if fell_behind else event)
