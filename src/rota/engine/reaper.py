"""Takes over the runs of nodes that are gone."""

from __future__ import annotations

import asyncio
import logging

from rota.core.lifecycle import settle
from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports import Clock, Ending, History, Node, Orphan
from rota.core.run import Attempt, Run
from rota.engine.node import is_dead
from rota.engine.wake import Wake
from rota.engine.writing import Writing
from rota.errors import LedgerError

logger = logging.getLogger("rota.node")


class Reaper:
    """Settles the running runs of every node whose lease ran out or whose process is gone.

    A heartbeat decides, never the age of a run: a long run on a healthy node is left alone. After
    the ledger was away, every node, this one too, first gets a lease's time to renew its own.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        history: History,
        writing: Writing,
        lease: float,
        wake: Wake,
    ) -> None:
        self._clock = clock
        self._history = history
        self._writing = writing
        self._lease = lease
        self._wake = wake

    async def run(self) -> None:
        """Look for ever, twice within a lease."""
        while True:
            await asyncio.sleep(self._lease / 2)
            try:
                await self.reap()
            except LedgerError as error:  # said once, by `writing`
                logger.debug("Could not look for nodes that are gone: %s", error)

    async def reap(self) -> list[Run]:
        """Look once; returns the runs that were taken over, as they were."""
        if not self._writing.is_steady(self._lease):
            return []
        gone, names = await asyncio.to_thread(self._gone)
        now = self._clock.now()
        runs = await self._writing.once(
            lambda tx: tx.reap(now, lambda orphan: self._judge(orphan, names), gone),
            changes=False,
        )
        for run in runs:
            logger.warning("Took over run %s of %s: its node is gone", run.id, run.task_id)
        if runs:
            self._wake.set()
        return runs

    def _gone(self) -> tuple[list[str], dict[str, str]]:
        nodes = self._history.nodes()
        names = {node.id: f"{node.name} (pid {node.pid})" for node in nodes}
        return [node.id for node in nodes if _may_be_gone(node) and is_dead(node)], names

    def _judge(self, orphan: Orphan, names: dict[str, str]) -> Ending:
        run, now = orphan.run, self._clock.now()
        node = names.get(run.node or "", run.node or "?")
        outcome = Outcome(OutcomeKind.CRASHED, error=f"its node {node} is gone")
        settlement = settle(
            outcome,
            run_id=run.id,
            failures=run.failures,
            crashes=run.crashes,
            policy=orphan.policy,
            now=now,
            cancel_reason=run.cancel_requested,
        )
        attempt = Attempt(
            run_id=run.id,
            number=run.attempt,
            node=run.node or "",
            started_at=run.attempt_started_at or now,
            finished_at=now,
            outcome=outcome.kind,
            error=outcome.error,
        )
        return Ending(attempt, run.fence, settlement)


def _may_be_gone(node: Node) -> bool:
    return node.state in ("up", "draining")
