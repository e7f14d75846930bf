"""The lease of this node: held from the time it joins, and renewed in time."""

from __future__ import annotations

import asyncio
from typing import Any

from rota.core.time import Instant, seconds
from rota.engine.context import NodeContext
from rota.engine.ledger_gateway import FIRST_PAUSE, LONGEST_PAUSE
from rota.engine.running.capacity import Capacity
from rota.engine.wake import Wake
from rota.errors import LedgerError
from rota.logs import queued

logger = queued("rota.node")


class Heartbeat:
    """Renews this node's lease in time, and knows whether the lease surely holds.

    If other nodes declared this node gone, it sends `declared_gone`, and joins again.
    """

    def __init__(self, context: NodeContext, capacity: Capacity, *, lease: float) -> None:
        """`lease` is in seconds."""
        self._clock = context.clock
        self._gateway = context.gateway
        self._identity = context.identity
        self._signals = context.signals
        self._capacity = capacity
        self._lease = lease
        self._one_at_a_time = asyncio.Lock()
        self._renewed: tuple[Instant, float] = (0, -lease)  # wall and monotonic clock at that time
        self.gaps = 0  # how often the lease had run out, or was lost, when it was renewed
        self.beating = True  # False once the node has left: the ledger would call it gone
        self.wake = Wake()
        context.signals.attempt_given_up.connect(lambda _: self.wake.set())
        context.signals.look_again.connect(self.wake.set)

    @property
    def holds(self) -> bool:
        """Return whether the lease surely holds: no clock has passed its end.

        While a machine is suspended its monotonic clock may stop, hence both clocks.
        """
        wall, monotonic = self._renewed
        return (
            self._clock.monotonic() < monotonic + self._lease
            and self._clock.now() < wall + seconds(self._lease)
        )

    async def hold(self) -> None:
        """Return when the lease surely holds: at once, or after a freeze when a heartbeat
        succeeded.

        Nothing is started before that: this node may have been declared gone meanwhile.
        """
        pause = FIRST_PAUSE
        while self.beating and not self.holds:
            try:
                await self.beat()
            except LedgerError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def join(self) -> None:
        """Write the row of this node, new at every start."""
        self._one_at_a_time = asyncio.Lock()  # of this loop: the last one's is gone
        self._identity.id = self._identity.coming = ""
        await self._join()

    async def run(self) -> None:
        """Renew the lease until cancelled: three times within a lease, and when woken.

        While the ledger is unavailable, heartbeats are more frequent, which is how its return is
        noticed.
        """
        while True:
            away = self._gateway.trouble is not None
            await self.wake.wait(min(self._lease / 3, LONGEST_PAUSE if away else self._lease))
            try:
                if self.beating:
                    await self.beat()
            except LedgerError as error:  # logged once, by the gateway
                logger.debug("The lease could not be renewed: %s", error)

    async def beat(self) -> None:
        """Renew the lease once; raises LedgerError."""
        async with self._one_at_a_time:
            at, node_id, info = self._moment(), self._identity.id, self._info()
            until = at[0] + seconds(self._lease)
            beat = await self._gateway.once(lambda tx: tx.heartbeat(node_id, at[0], until, info))
            if beat.alive:
                self._held_since(at)
                self._drain(beat.draining)
                self._signals.cancellations_requested.send(beat.cancel)
            else:
                logger.error("Other nodes declared this node gone: its runs are theirs now")
                self._signals.declared_gone.send()
                await self._join()

    async def _join(self) -> None:
        at = self._moment()
        node = self._identity.next(
            slots=self._capacity.slots, lease=seconds(self._lease), info=self._info()
        )
        await self._gateway.until_done(lambda tx: tx.join(node))
        self._capacity.drained = False  # that was said to the node it was before
        self._identity.id = node.id  # not before: under an id without a row, nothing can be held
        self._held_since(at)

    def _drain(self, draining: bool) -> None:
        """Take no new runs, or take them again, as the ledger says."""
        capacity = self._capacity
        if draining == capacity.drained or not capacity.accepting:  # it is stopping
            return
        capacity.drained = draining
        if draining:
            logger.warning("This node is drained: it takes no new runs until that is taken back")
        else:
            logger.warning("This node takes new runs again")
            self._signals.runs_available.send(None)

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {}
        self._signals.beat_prepared.send(info)
        return info

    def _held_since(self, at: tuple[Instant, float]) -> None:
        self.gaps += not self.holds
        self._renewed = at

    def _moment(self) -> tuple[Instant, float]:
        return self._clock.now(), self._clock.monotonic()
