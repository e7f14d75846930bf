"""Gives runs whose time has come to the distributed engine, and again those that it lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any

from rota.aside import beside
from rota.core.instants import Instant, seconds
from rota.core.ports import Clock, Engine, Message, Transaction, Waiting
from rota.core.task import lane_of
from rota.engine.registry import Registry
from rota.engine.writing import Writing
from rota.errors import EngineError, LedgerError

logger = logging.getLogger("rota.relay")

BATCH = 1_000

OVERDUE = 5.0
"""Seconds after which a message that nobody acted upon is missed, if the engine has none left."""


class Relay:
    """Offers each waiting run once; what is lost on the way is offered again.

    Where the engine writes in the ledger, a run and its message are committed together. Elsewhere
    it is the other way round: first it is written that the message was sent, then it is; what
    happens in between makes it overdue.
    """

    def __init__(
        self, *, clock: Clock, engine: Engine, registry: Registry, writing: Writing
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._registry = registry
        self._writing = writing
        self.trouble: str | None = None  # why nothing can be sent

    def offer_within(self, tx: Transaction, until: Instant) -> None:
        """Publish in a transaction what may start by `until`, where the engine can do that."""
        if self._engine.in_ledger:
            tx.offer(until, BATCH, (), self._publish)

    async def offer(self, until: Instant) -> None:
        """Publish all that may start by `until`; raises LedgerError."""
        unknown: set[str] = set()
        offered = BATCH
        while offered == BATCH:
            messages: list[Message] = []

            def publish(runs: Sequence[Waiting], connection: Any) -> Collection[str]:
                messages[:] = self._messages(runs)  # noqa: B023  # awaited below
                unknown.update(
                    run.task_id for run in runs if self._registry.get(run.task_id) is None
                )
                if self._engine.in_ledger and messages:  # noqa: B023
                    self._engine.publish(messages, connection)  # noqa: B023
                return [message.run_id for message in messages]  # noqa: B023

            offered = await self._writing.once(
                lambda tx: tx.offer(until, BATCH, unknown, publish),
                changes=False,
            )
            if messages and not self._engine.in_ledger:
                await self._send(messages)

    async def _send(self, messages: Sequence[Message]) -> None:
        try:
            await beside(lambda: self._engine.publish(messages, None))
        except EngineError as error:
            self._note(str(error))
            await self._writing.until_done(
                lambda tx: tx.withdraw([message.run_id for message in messages])
            )
        else:
            self._note(None)

    def _publish(self, runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        messages = self._messages(runs)
        if messages:
            self._engine.publish(messages, connection)
        return [message.run_id for message in messages]

    def _messages(self, runs: Sequence[Waiting]) -> list[Message]:
        found = [(run.run_id, self._registry.get(run.task_id)) for run in runs]
        return [
            Message(run_id, lane_of(entry.definition), entry.policy.priority)
            for run_id, entry in found
            if entry is not None
        ]

    async def run(self) -> None:
        """Look for ever whether messages were lost."""
        while True:
            await asyncio.sleep(OVERDUE / 2)
            try:
                await self._recall()
            except EngineError as error:
                self._note(str(error))
            except LedgerError as error:  # said once, by `writing`
                logger.debug("Could not look for lost messages: %s", error)

    async def _recall(self) -> None:
        before = self._clock.now() - seconds(OVERDUE)
        overdue = await self._writing.once(lambda tx: tx.overdue(before), changes=False)
        waiting = await beside(self._engine.waiting) if overdue else 0
        if overdue > waiting:
            logger.warning(
                "%d runs wait and the engine has %d messages: they are published again",
                overdue,
                waiting,
            )
            await self._writing.once(lambda tx: tx.recall(before, 10 * BATCH))

    def _note(self, trouble: str | None) -> None:
        if (trouble is None) != (self.trouble is None):
            logger.error("The engine is away: %s", trouble) if trouble else logger.warning(
                "The engine is back"
            )
        self.trouble = trouble
