"""Takes over the runs of nodes that are gone, and re-queues those that no node runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from rota.core.lifecycle import never_begun, settle
from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports.records import AttemptEnd, NodeRecord, Orphan
from rota.core.run import Attempt, Run
from rota.core.task import Policy, policy_of_run
from rota.core.time import Instant, to_iso
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.membership.lease_monitor import LeaseMonitor
from rota.engine.running.stuck_attempts import StuckAttempts
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.cadence import until_beat
from rota.runtime.daemon_threads import run_in_thread
from rota.runtime.node_process import is_dead

logger = queued("rota.node")

GLANCE = 0.5
"""Seconds between two glances at the nodes that were there at the last look."""

RECOVERY = 2.0
"""Seconds that a node which was out of touch gives the others to come back with it."""


class _ReapLook(NamedTuple):
    nodes: list[NodeRecord]
    running: dict[str, int]  # run id → fence, of this node's own

    def name(self, node_id: str | None) -> str:
        for node in self.nodes:
            if node.id == node_id:
                return f"{node.name} (pid {node.pid})"
        return node_id or "?"


class Reaper:
    """Settles the running runs of every node that fell silent or whose process is gone.

    A heartbeat decides, never the age of a run: a long run on a healthy node is left alone. It
    reads the ledger `every` so many seconds. In between it only checks, without the ledger, the
    leases and processes that it saw there, and reads the ledger at once if one has ended. After the
    ledger was unavailable, every node first gets a lease's time to be heard again.

    It also settles runs that the ledger assigns to this node although it does not run them: their
    claim was written, and the answer lost. Found so twice in a row, they are unconfirmed and wait
    again.
    """

    def __init__(
        self, context: NodeContext, heartbeat: Heartbeat, stuck: StuckAttempts, *, every: float
    ) -> None:
        self._clock = context.clock
        self._history = context.ledger.history
        self._gateway = context.gateway
        self._identity = context.identity
        self._in_flight = context.in_flight
        self._signals = context.signals
        self._heartbeat = heartbeat
        self._stuck = stuck
        self._every = every
        self._lease_monitor = LeaseMonitor(context.clock, every)
        self._others: list[NodeRecord] = []  # the living ones, at the last look
        self._queues: set[str] = set()
        self._unconfirmed_before: dict[
            str, int
        ] = {}  # run id → fence, not held here at the last look

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        looked, gaps = loop.time(), self._heartbeat.gaps
        while True:
            await rest(until_beat(loop.time(), min(GLANCE, self._every)))
            await self._heartbeat.hold()
            if self._heartbeat.gaps != gaps:  # perhaps suspended, and others with it
                gaps = self._heartbeat.gaps
                await rest(RECOVERY)
            elif loop.time() - looked >= self._every or self._may_have_lost_a_node():
                looked = loop.time()
                await self._try()

    def _may_have_lost_a_node(self) -> bool:
        return self._lease_monitor.may_be_long() or any(map(is_dead, self._others))

    async def _try(self) -> None:
        try:
            await self.reap()
        except LedgerError as error:  # logged once, by the gateway
            self._others.clear()  # no need to check them until the next look
            self._lease_monitor.forget()
            logger.debug("Could not look for nodes that are gone: %s", error)

    async def reap(self) -> list[Run]:
        """Look once; returns the runs that were taken over or handed back, as they were; raises
        LedgerError."""
        look = await run_in_thread(self._look)
        living = [node for node in look.nodes if node.state in ("up", "draining")]
        self._queues = {queue for node in living for queue in node.info.get("queues") or ()}
        self._others = [
            node
            for node in look.nodes
            if node.state in ("up", "draining") and node.id != self._identity.id
        ]
        silent = self._lease_monitor.of(self._others)
        gone = [node for node in self._others if node.id in silent or is_dead(node)]
        self._stuck.elsewhere = _stuck_on([node for node in self._others if node not in gone])
        unconfirmed, now = self._unconfirmed(look.running), self._clock.now()
        runs = await self._gateway.once(
            lambda tx: tx.reap(
                lambda orphan: self._judge(orphan, look, unconfirmed, now),
                gone,
                unconfirmed,
                now=now,
            ),
            changes=False,
        )
        for run in runs:
            why = "it never began here" if run.id in unconfirmed else "its node is gone"
            logger.warning("Took over run %s of %s: %s", run.id, run.task_id, why)
        if runs:
            self._signals.tasks_paused.send()
            self._signals.runs_available.send(None)
            await self._log_paused({run.task_id for run in runs}, now)
        return runs

    async def _log_paused(self, task_ids: Collection[str], now: Instant) -> None:
        """Log which tasks were paused for crashing their nodes."""
        for task in await run_in_thread(lambda: self._history.tasks(task_ids)):
            if task.paused_since == now:
                logger.error("Task %s was paused: %s", task.record.id, task.pause_reason)

    def queues(self) -> set[str]:
        """Return the queues that nodes name as theirs, as of the last look."""
        return self._queues

    def _look(self) -> _ReapLook:
        return _ReapLook(self._history.nodes(), self._history.running_of(self._identity.id))

    def _unconfirmed(self, running: dict[str, int]) -> dict[str, int]:
        before = self._unconfirmed_before
        self._unconfirmed_before = {
            run_id: fence for run_id, fence in running.items() if not self._in_flight.hold(run_id)
        }
        return {
            one: fence
            for one, fence in self._unconfirmed_before.items()
            if before.get(one) == fence
        }

    def _judge(
        self, orphan: Orphan, look: _ReapLook, unconfirmed: Collection[str], now: Instant
    ) -> AttemptEnd:
        run, node = orphan.run, look.name(orphan.run.node)
        if run.id in unconfirmed:
            why = f"handed back: node {node} claimed it and never began it"
            outcome = Outcome(OutcomeKind.CANCELLED, error=why)
            settlement = never_begun(
                why,
                failures=run.failures,
                crashes=run.crashes,
                now=now,
                cancel_reason=run.cancel_requested,
            )
        else:
            outcome = Outcome(OutcomeKind.CRASHED, error=f"its node {node} is gone")
            settlement = settle(
                outcome,
                run_id=run.id,
                failures=run.failures,
                crashes=run.crashes,
                policy=_is_spared(orphan),
                now=now,
                cancel_reason=run.cancel_requested,
            )
        attempt = Attempt(
            run_id=run.id,
            number=run.attempt,
            node=run.node or "",
            started_at=run.attempt_started_at or now,
            finished_at=max(now, run.attempt_started_at or now),  # `now` is old if it was frozen
            outcome=outcome.kind,
            error=outcome.error,
        )
        return AttemptEnd(attempt, run.fence, settlement)


def _is_spared(orphan: Orphan) -> Policy:
    """Return the run's policy; a run that was only in progress next to the task that is to blame is
    not quarantined.
    """
    policy = policy_of_run(orphan.policy, orphan.run.options)
    if orphan.is_spared:
        return replace(policy, max_crashes=orphan.run.crashes + 2)
    return policy


def _stuck_on(nodes: Sequence[NodeRecord]) -> dict[str, str]:
    """Return task id → what these nodes last said of the attempts that did not stop there."""
    found: dict[str, str] = {}
    for node in nodes:
        stuck = node.info.get("stuck")
        if isinstance(stuck, dict):
            when = f"on node {node.name} when that was last heard of, at {to_iso(node.seen_at)}"
            found |= {str(id): f"was stuck at {place} {when}" for id, place in stuck.items()}
    return found
