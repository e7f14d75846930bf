"""Notices what other processes wrote into the ledger: pauses, edits, cancellations, new runs."""

from __future__ import annotations

import asyncio

from rota.core.ports.records import StoredTask
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.cadence import until_beat
from rota.runtime.daemon_threads import beside

logger = queued("rota.node")


class ChangePoller:
    """Asks the ledger four times a second whether anybody wrote; only then does it read more."""

    def __init__(self, context: NodeContext) -> None:
        self._ledger = context.ledger
        self._registry = context.registry
        self._identity = context.identity
        self._signals = context.signals
        self._version: int | None = None

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await rest(until_beat(loop.time()))
            await self.turn()

    async def turn(self) -> None:
        """Ask once, and refresh if somebody wrote."""
        try:
            version = await beside(self._ledger.version)
            if version != self._version:
                self._version = version
                await self.refresh()
        except LedgerError as error:
            logger.debug("Could not look for changes: %s", error)

    async def refresh(self) -> None:
        """Read what changed; raises LedgerError."""
        stored, cancel = await beside(self._read)
        for task in stored:
            self._registry.revision = max(self._registry.revision, task.revision)
            self._signals.task_changed.send(task)
        if cancel:
            self._signals.cancellations_requested.send(cancel)
        self._signals.runs_available.send(None)

    def _read(self) -> tuple[list[StoredTask], dict[str, str]]:
        history = self._ledger.history
        return (
            history.changed_tasks(self._registry.revision),
            history.cancellations(self._identity.id),
        )
