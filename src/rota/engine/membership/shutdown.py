"""The end of a node: it starts nothing new, running attempts may finish, the rest is handed back,
and everything is written.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from contextlib import suppress

from rota.core.ports.ledger import Transaction
from rota.engine.context import NodeContext
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.planning.planner import Planner
from rota.engine.running.capacity import Capacity
from rota.engine.running.inbox import Inbox
from rota.engine.running.log_flusher import LogFlusher
from rota.engine.running.recorder import Recorder
from rota.engine.running.timeout_enforcer import TimeoutEnforcer
from rota.logs import queued
from rota.runtime.daemon_threads import run_in_thread

logger = queued("rota.node")

LAST_GRACE = 0.8
"""Seconds that cancelled attempts get before they are given up."""

LAST_WRITES = 1.8
"""Seconds after the grace in which everything must be in the ledger, even if the ledger does not
answer; the next start takes over what is not.
"""

LAST_CLAIMS = 0.5
"""Seconds after the grace for runs that were being claimed when the shutdown began."""

LOOK = 0.01
"""Seconds between two checks whether everything has ended."""


class Shutdown:
    """Ends what the loops of one node do, within a grace and two seconds."""

    def __init__(
        self,
        context: NodeContext,
        capacity: Capacity,
        heartbeat: Heartbeat,
        planner: Planner,
        timeout_enforcer: TimeoutEnforcer,
        recorder: Recorder,
        log_flusher: LogFlusher,
        inbox: Inbox | None = None,
    ) -> None:
        self._clock = context.clock
        self._identity = context.identity
        self._gateway = context.gateway
        self._in_flight = context.in_flight
        self._capacity = capacity
        self._heartbeat = heartbeat
        self._planner = planner
        self._timeout_enforcer = timeout_enforcer
        self._recorder = recorder
        self._log_flusher = log_flusher
        self._inbox = inbox
        self.end_now = threading.Event()
        """Set to stop waiting for running attempts."""

    async def run(self, grace: float) -> bool:
        """Give running attempts `grace` seconds, hand back the rest, and leave the nodes; returns
        whether all ended by themselves and is written.
        """
        self._capacity.accepting = False
        left = self._inbox.stop() if self._inbox is not None else []
        node_id = self._identity.id
        # After all that was claimed; if the node had not joined yet, that is nothing.
        draining = asyncio.create_task(self._leave(node_id, "draining", left))
        await _until(lambda: self.end_now.is_set() or self._is_idle(draining), grace)
        limit = asyncio.get_running_loop().time() + LAST_WRITES
        await _until(lambda: draining.done() and self._planner.is_idle, LAST_CLAIMS)
        by_itself = not self._in_flight
        await self._hand_back()
        draining.cancel()
        shut_down = asyncio.gather(
            *(run_in_thread(one.shutdown) for one in self._capacity.executors.values())
        )
        written = await self._write_last(limit)
        await shut_down
        which = self._identity.id or node_id
        which = f" ({which})" if which else ", before it had joined the others"
        logger.info("Node %s has stopped%s", self._identity.name, which)
        return by_itself and written

    def _is_idle(self, draining: asyncio.Task[None]) -> bool:
        """Return whether nothing is left to wait for; while the ledger is unavailable, that does
        not include claims.
        """
        claimed = draining.done() or self._gateway.trouble is not None
        recorded = self._planner.is_idle and self._recorder.is_idle
        return claimed and recorded and not self._in_flight.by_run

    async def _hand_back(self) -> None:
        reason = f"handed back by node {self._identity.name} at its shutdown"
        for flight in list(self._in_flight.by_run.values()):
            self._timeout_enforcer.cancel(flight, reason=None, handed_back=reason)
        await _until(lambda: not self._in_flight, LAST_GRACE)
        for flight in list(self._in_flight.by_run.values()):
            self._timeout_enforcer.give_up(flight)

    async def _write_last(self, limit: float) -> bool:
        try:
            async with asyncio.timeout_at(limit):
                await _until(lambda: self._recorder.is_idle, LAST_WRITES)
                await self._log_flusher.flush()
                self._heartbeat.beating = False
                late = self._inbox.late() if self._inbox is not None else []
                await self._leave(self._identity.id or self._identity.coming, "stopped", late)
        except TimeoutError:
            if not self._identity.id:
                return True  # it never joined: no run was promised to it
            trouble = self._gateway.trouble
            logger.error(
                "The ledger was away to the last: the ends of %d attempts are not written, and"
                " the next start takes over what this node had (%s)",
                self._recorder.unwritten,
                trouble[1] if trouble else "it does not answer",
            )
            return False
        return True

    async def _leave(self, node_id: str, state: str, left: Collection[str] = ()) -> None:
        now = self._clock.now()

        def write(tx: Transaction) -> None:
            tx.withdraw(left)
            tx.leave(node_id, state, now)

        if node_id:
            await self._gateway.until_done(write)


async def _until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for `done`, at most `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not done():  # noqa: ASYNC110  # no single event covers all of it
                await asyncio.sleep(LOOK)
