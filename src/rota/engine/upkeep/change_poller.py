"""Notices what other processes wrote into the ledger: pauses, edits, cancellations, new runs."""

from __future__ import annotations

import asyncio

from rota.core.ports.records import StoredTask
from rota.core.ports.windows import OpenedWindow
from rota.core.time import Instant, seconds
from rota.engine.context import NodeContext
from rota.engine.wake import Wake
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.cadence import until_beat
from rota.runtime.daemon_threads import run_in_thread

logger = queued("rota.node")

AHEAD = 5.0
"""Seconds that it looks ahead for runs that become available, written by any process."""

SLICE: Instant = 10_000
"""Those that become available within one slice of this length are started together."""


class ChangePoller:
    """Asks the ledger four times a second whether another process wrote, and when a task may have
    been paused; only then does it read more.
    """

    def __init__(self, context: NodeContext) -> None:
        self._ledger = context.ledger
        self._registry = context.registry
        self._identity = context.identity
        self._signals = context.signals
        self._version: int | None = None
        self._looked_at = 0.0  # monotonic seconds of the loop
        self.wake = Wake()
        context.signals.tasks_paused.connect(self.wake.set)

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait(until_beat(loop.time()))
            await self.turn()

    async def turn(self) -> None:
        """Ask once, and refresh if another process wrote."""
        try:
            version = await run_in_thread(self._ledger.version)
            if version != self._version:
                self._version = version
                await self.refresh()
            elif asyncio.get_running_loop().time() - self._looked_at > AHEAD / 2:
                await self._look_ahead()
        except LedgerError as error:
            logger.debug("Could not look for changes: %s", error)

    async def refresh(self) -> None:
        """Read what changed; raises LedgerError."""
        await self._look_ahead()
        stored, cancel, windows = await run_in_thread(self._read)
        self._signals.windows_read.send(windows)
        for task in stored:
            self._registry.revision = max(self._registry.revision, task.revision)
            self._signals.task_changed.send(task)
        if cancel:
            self._signals.cancellations_requested.send(cancel)
        self._signals.runs_available.send(None)

    async def _look_ahead(self) -> None:
        """Announce the times at which runs become available soon."""
        self._looked_at = asyncio.get_running_loop().time()
        history, now = self._ledger.history, self._ledger.clock.now()
        for instant in await run_in_thread(
            lambda: history.due_times(now, now + seconds(AHEAD), SLICE)
        ):
            self._signals.runs_available.send(instant)

    def _read(self) -> tuple[list[StoredTask], dict[str, str], list[OpenedWindow]]:
        history = self._ledger.history
        return (
            history.changed_tasks(self._registry.revision),
            history.cancellations(self._identity.id),
            history.windows(),
        )
