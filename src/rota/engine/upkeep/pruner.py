"""Deletes history past its retention, a little at a time, and tasks that no code defines."""

from __future__ import annotations

import asyncio

from rota.core.ports.clock import Clock
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.time import DAY, Instant
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest, turned
from rota.errors import LedgerError
from rota.logs import queued

logger = queued("rota.pruner")

BATCH = 500
EVERY = 3600.0
PAUSE = 0.05
"""Seconds between two batches: other operations write in between."""


SHORTEST = 2.0
"""The shortest time, in days, that an unknown task is kept: known ones are noted once a day."""


class Pruner:
    """Deletes ended runs older than `days`, with their attempts and log lines, and tasks that no
    node has known for as long."""

    def __init__(self, context: NodeContext, *, days: float) -> None:
        self._clock = context.clock
        self._registry = context.registry
        self._gateway = context.gateway
        self._days = days

    async def run(self) -> None:
        """Prune once an hour until cancelled."""
        while True:
            await self.turn()
            await rest(EVERY)

    async def turn(self) -> None:
        """Forget tasks and prune, once; if the ledger is away, the next turn does it."""
        try:
            await self.forget_tasks()
            await self.prune()
        except LedgerError as error:
            logger.warning("Could not prune: %s", error)

    async def forget_tasks(self) -> list[str]:
        """Note which tasks this node knows, then forget those that none does; returns their ids."""
        known = [entry.definition.id for entry in self._registry.entries()]
        now, since = self._clock.now(), expiry(self._clock, max(self._days, SHORTEST))

        def forget(tx: Transaction) -> list[str]:
            tx.seen(known, now)
            return tx.forget(since, now)

        forgotten = await self._gateway.once(forget)
        for task_id in forgotten:
            logger.warning("%s was forgotten: no node has known it for long", task_id)
        return forgotten

    async def prune(self) -> int:
        """Prune once; returns how many runs were deleted."""
        before, total = expiry(self._clock, self._days), 0
        while True:
            turned()
            deleted = await self._gateway.once(lambda tx: tx.prune(before, BATCH), changes=False)
            total += deleted
            if deleted < BATCH:
                return total
            await asyncio.sleep(PAUSE)


def prune_now(ledger: Ledger, clock: Clock, days: float) -> int:
    """Prune from a plain thread; returns how many runs were deleted; raises LedgerError."""
    before, total = expiry(clock, days), 0
    while True:
        deleted = ledger.write(lambda tx: tx.prune(before, BATCH)).result()
        total += deleted
        if deleted < BATCH:
            return total


def expiry(clock: Clock, days: float) -> Instant:
    """Return the instant before which history is deleted."""
    return clock.now() - round(days * DAY)
