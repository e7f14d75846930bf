"""Takes over the runs of nodes that are gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from rota.core.instants import SECOND, Instant
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
    """Settles the running runs of every node that fell silent or whose process is gone.

    A heartbeat decides, never the age of a run: a long run on a healthy node is left alone.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        history: History,
        writing: Writing,
        every: float,
        wake: Wake,
    ) -> None:
        self._clock = clock
        self._history = history
        self._silences = Silences(clock, every)
        self._writing = writing
        self._every = every
        self._wake = wake

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.reap()
            except LedgerError as error:
                logger.warning("Could not look for nodes that are gone: %s", error)

    async def reap(self) -> list[Run]:
        """Look once; returns the runs that were taken over, as they were."""
        nodes = await asyncio.to_thread(self._history.nodes)
        names = {node.id: f"{node.name} (pid {node.pid})" for node in nodes}
        living = [node for node in nodes if node.state in ("up", "draining")]
        silent = self._silences.of(living)
        gone = [node for node in living if node.id in silent or is_dead(node)]
        runs = await self._writing.once(
            lambda tx: tx.reap(lambda orphan: self._judge(orphan, names), gone)
        )
        for run in runs:
            logger.warning("Took over run %s of %s: its node is gone", run.id, run.task_id)
        if runs:
            self._wake.set()
        return runs

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


class Silences:
    """For how long no sign of life came from each node, by this node's monotonic clock.

    Times that two nodes took are never compared: their clocks differ, and are stepped. Silence
    counts only while this node looked: after it stood still, or the ledger was away, the others
    get the rest of their lease to be heard again.
    """

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._longest_gap = 2 * every
        self._looked_at = clock.monotonic()
        self._known: dict[str, tuple[Instant, float]] = {}  # last sign of life, silence since

    def of(self, nodes: Sequence[Node]) -> set[str]:
        """Return the ids of those that were silent for longer than their lease."""
        now = self._clock.monotonic()
        passed, self._looked_at = min(now - self._looked_at, self._longest_gap), now
        known, self._known = self._known, {}
        for node in nodes:
            seen_at, silence = known.get(node.id, (None, 0.0))
            silence = silence + passed if node.seen_at == seen_at else 0.0
            self._known[node.id] = (node.seen_at, silence)
        return {
            node.id
            for node in nodes
            if self._known[node.id][1] * SECOND > node.lease_until - node.seen_at
        }
