"""Notices what other processes wrote into the ledger: pauses, edits, cancellations, new runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rota.core.ports.ledger import Ledger
from rota.core.ports.records import StoredTask
from rota.engine.health.turning import rest
from rota.engine.membership.identity import Identity
from rota.engine.planning.task_registry import Registry
from rota.engine.wake import Wake
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.cadence import until_beat
from rota.runtime.daemon_threads import beside

logger = queued("rota.node")


class ChangePoller:
    """Asks the ledger four times a second whether anybody wrote; only then does it read more."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        registry: Registry,
        identity: Identity,
        changed: Callable[[StoredTask], None],
        cancel: Callable[[Mapping[str, str]], None],
        runs: Wake,
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._identity = identity
        self._changed = changed
        self._cancel = cancel
        self._runs = runs
        self._version: int | None = None

    async def run(self) -> None:
        """Ask for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await rest(until_beat(loop.time()))
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
            self._changed(task)
        if cancel:
            self._cancel(cancel)
        self._runs.set()

    def _read(self) -> tuple[list[StoredTask], dict[str, str]]:
        history = self._ledger.history
        return (
            history.changed_tasks(self._registry.revision),
            history.cancellations(self._identity.id),
        )
