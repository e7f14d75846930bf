"""Renews the lease of this node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from rota.core.instants import seconds
from rota.core.ports import Clock
from rota.engine.node import Identity
from rota.engine.writing import Writing
from rota.errors import LedgerError

logger = logging.getLogger("rota.node")


class Heartbeat:
    """Says in time that this node lives; `lost` is called when others declared it gone."""

    def __init__(
        self,
        *,
        clock: Clock,
        writing: Writing,
        identity: Identity,
        lease: float,
        info: Callable[[], Mapping[str, Any]],
        cancel: Callable[[Mapping[str, str]], None],
        lost: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._writing = writing
        self._identity = identity
        self._lease = lease
        self._info = info
        self._cancel = cancel
        self._lost = lost
        self.beating = True  # not once the node has left: the ledger would call it gone

    async def run(self) -> None:
        """Beat for ever, three times within a lease."""
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                if self.beating:
                    await self.beat()
            except LedgerError as error:
                logger.warning("The lease could not be renewed: %s", error)

    async def beat(self) -> None:
        """Renew the lease once; raises LedgerError."""
        now, node_id, info = self._clock.now(), self._identity.id, self._info()
        until = now + seconds(self._lease)
        beat = await self._writing.once(lambda tx: tx.heartbeat(node_id, now, until, info))
        if beat.alive:
            self._cancel(beat.cancel)
        else:
            logger.error("Other nodes declared this node gone: its runs are theirs now")
            self._lost()
