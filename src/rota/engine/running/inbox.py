"""The runs that the broker has delivered to this node and whose messages are not done."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from rota.core.ports.broker import Broker
from rota.engine.context import NodeContext
from rota.engine.health.delivery import Delivery
from rota.engine.health.turning import resting
from rota.engine.running.capacity import Capacity
from rota.errors import EngineError
from rota.logs import queued

logger = queued("rota.hand")

PAUSE = 1.0
"""Seconds until a new try if the broker became unavailable."""

SURE_AFTER = 6.0
"""Seconds after which a broker that delivers nothing counts as back: it has connected by then, or
was given up.
"""

LOOK_EVERY = 1.0
"""Seconds between two looks whether there are other queues to serve."""


class Inbox:
    """Holds each delivered run until it has ended here, or turns out not to be for this node: only
    then the message is acknowledged to the broker.
    """

    def __init__(
        self, context: NodeContext, broker: Broker, capacity: Capacity, delivery: Delivery
    ) -> None:
        self._signals = context.signals
        self._broker = broker
        self._capacity = capacity
        self._delivery = delivery
        self._held: dict[str, asyncio.Future[None]] = {}
        self._started: set[str] = set()
        self._carrying: asyncio.Task[None] | None = None
        self._stopping = False
        self._late: list[str] = []
        self.trouble: str | None = None  # why nothing is delivered
        context.signals.ends_recorded.connect(self.drop)
        context.signals.declared_gone.connect(self.drop_all)

    async def take(self, run_id: str) -> None:
        """Hold a run that was delivered; returns when it has ended or is not for this node."""
        if self._stopping:
            self._late.append(run_id)
            return
        self._set_trouble(None)
        held = self._held.get(run_id)  # delivered twice: both messages are done then
        if held is None:
            held = self._held[run_id] = asyncio.get_running_loop().create_future()
            self._signals.runs_available.send(None)
        await asyncio.shield(held)

    def unclaimed(self) -> list[str]:
        """Return the runs that are held and were not claimed."""
        return [run_id for run_id in self._held if run_id not in self._started]

    def claimed(self, runs: Mapping[str, str]) -> None:
        """Note which of the held runs start here; with each, the id of its task."""
        self._started.update(run_id for run_id in runs if run_id in self._held)
        self._delivery.answered(set(runs.values()))

    def drop(self, run_ids: Collection[str]) -> None:
        """Release these runs: they have ended, or are not for this node."""
        for run_id in run_ids:
            self._started.discard(run_id)
            held = self._held.pop(run_id, None)
            if held is not None and not held.done():
                held.set_result(None)

    def drop_all(self) -> None:
        """Release everything."""
        self.drop(list(self._held))

    def stop(self) -> list[str]:
        """Stop taking messages; returns the unclaimed runs, which are given back."""
        self._stopping = True
        if self._carrying is not None:
            self._carrying.cancel()
        left = self.unclaimed()
        self.drop(left)
        return left

    def late(self) -> list[str]:
        """Return what was delivered after `stop`: it is given back as well."""
        return self._late

    async def run(self) -> None:
        """Receive messages from the broker until cancelled; once stopped, only held runs continue.

        If there are other queues to serve, the held runs of the earlier ones continue meanwhile.
        """
        self._stopping = False
        for some in (self._held, self._started, self._late):
            some.clear()  # of an earlier start, if the ledger was unavailable at its end
        carriers: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                lanes = self._capacity.lanes()
                carrying = asyncio.create_task(self._broker.carry(lanes, self.take))
                self._carrying = carrying
                carriers.add(carrying)
                sure_at = loop.time() + SURE_AFTER
                while not carrying.done() and lanes == self._capacity.lanes():
                    with resting(LOOK_EVERY):
                        await asyncio.wait({carrying}, timeout=LOOK_EVERY)
                    if not carrying.done() and loop.time() > sure_at:
                        self._set_trouble(None)
                if carrying.done():
                    carriers.remove(carrying)
                    await self._ended(carrying)
                carrying.cancel()
            with resting(None):
                await loop.create_future()
        finally:
            for carrying in carriers:
                carrying.cancel()
            await asyncio.gather(*carriers, return_exceptions=True)

    async def _ended(self, carrying: asyncio.Task[None]) -> None:
        [error] = await asyncio.gather(carrying, return_exceptions=True)
        if isinstance(error, EngineError):
            self._set_trouble(str(error))
        elif isinstance(error, Exception):
            raise error
        if not self._stopping:
            await asyncio.sleep(PAUSE if error else 0)

    def _set_trouble(self, trouble: str | None) -> None:
        if trouble is not None and self.trouble is None:
            logger.error("The engine is away, and tried again: %s", trouble)
        elif trouble is None and self.trouble is not None:
            logger.warning("The engine is back")
        self.trouble = trouble
