"""Verifies the record, on one node at a time, and writes the missing rows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from rota.core.ids import RunIds
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import NewRun, VerificationMark
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Cause, State
from rota.core.task import Overlap, Policy
from rota.core.time import DAY, HOUR, MINUTE, Instant, seconds
from rota.core.verification.findings import Code, Finding
from rota.diagnosis.verified import VERIFIED, as_json, mended, merged, report_in
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest, resting
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.upkeep.verifying import Planners, Question, planners_of, verify
from rota.errors import LedgerError
from rota.runtime.daemon_threads import run_in_thread
from rota.runtime.log_queue import queued

logger = queued("rota.verify")

FIRST = 60.0
LOOK = 60.0
"""Seconds between two checks whether a verification is due."""

EVERY: Instant = 10 * MINUTE

PAUSE = 0.05
"""Seconds between two pages: the cost is spread, and other work gets its turn."""

SLOWEST = 600.0
"""Seconds that a turn may take."""

AGAIN = 30.0
"""Seconds after which a missing row is checked again: it may have been planned meanwhile."""

OVERLAP: Instant = HOUR
"""How far a turn looks back behind what was verified: what was right then may have changed."""

LONGEST: Instant = DAY
"""How far the first turn looks back; `rota verify` looks at everything."""


class Verifier:
    """Compares what was written since the last turn with the rules, every ten minutes.

    A missing row that is still missing at a second look is written, if it is not too old to matter:
    an occurrence that did not run is as visible as one that did.
    """

    def __init__(self, context: NodeContext, heartbeat: Heartbeat, ids: RunIds) -> None:
        self._clock = context.clock
        self._history = context.ledger.history
        self._gateway = context.gateway
        self._registry = context.registry
        self._identity = context.identity
        self._heartbeat = heartbeat
        self._ids = ids
        self._pause = threading.Event()  # never set: it only waits

    async def run(self) -> None:
        """Verify until cancelled."""
        await rest(FIRST)
        while True:
            try:
                await self.turn()
            except LedgerError as error:  # logged once, by the gateway
                logger.debug("Could not verify: %s", error)
            await rest(LOOK)

    async def turn(self, again: float = AGAIN) -> list[Finding] | None:
        """Verify if it is time and no other node does. Returns what was found; raises
        LedgerError.
        """
        now, gaps = self._clock.now(), self._heartbeat.gaps
        mark = (await run_in_thread(self._history.evidence.marks)).get(VERIFIED)
        if mark is not None and mark.until is not None and now < mark.until <= now + HOUR:
            return None
        taken = await self._gateway.once(lambda tx: tx.take_mark(VERIFIED, now, now + EVERY))
        if taken is None:
            return None
        since = max(min(taken.at, now) - OVERLAP, now - LONGEST)
        asked = Question(now, since, await run_in_thread(self._planners), pause=self._wait)
        found = await self._verify(asked)
        holes = {finding.task_id for finding in found if finding.code is Code.HOLE}
        if holes:
            await rest(again)
            asked = replace(asked, task_ids=sorted(holes))
            second = await self._verify(asked)
            found = [one for one in found if one.code is not Code.HOLE]
            found += [one for one in second if one.code is Code.HOLE]
        if self._heartbeat.gaps != gaps or self._gateway.trouble is not None:
            # This node, or the ledger, was unavailable: what is late may still be planned.
            await self._gateway.once(lambda tx: tx.mark(taken._replace(until=None)))
            return None
        return await self._write(found, now, since, taken)

    async def _verify(self, asked: Question) -> list[Finding]:
        with resting(SLOWEST):  # the work is done on another thread
            return await run_in_thread(lambda: list(verify(self._history.evidence, asked)))

    async def _write(
        self, found: Sequence[Finding], now: Instant, since: Instant, taken: VerificationMark
    ) -> list[Finding]:
        """Write the missing rows and the report, in one transaction."""
        rows = [(one, self._row(one, now)) for one in found]
        new = [row for _, row in rows if row is not None]
        findings = [mended(one) if row is not None else one for one, row in rows]
        report = merged(report_in({VERIFIED: taken}), self._identity.name, now, since, findings)
        mark = VerificationMark(VERIFIED, now, now + EVERY, as_json(report))

        def write(tx: Transaction) -> None:
            tx.plan(new)
            tx.mark(mark)

        await self._gateway.once(write)
        for one in findings:
            logger.warning("%s %s: %s", one.task_id or one.run_id, one.code, one.text)
        return findings

    def _row(self, finding: Finding, now: Instant) -> NewRun | None:
        """Return the missing row of a hole; None for anything else, and for one that is too old."""
        if finding.code is not Code.HOLE or finding.at is None or finding.last is None:
            return None
        entry = self._registry.get(finding.task_id)
        policy = Policy() if entry is None else entry.policy
        if finding.last < now - seconds(policy.catchup_window):
            return None
        return NewRun(
            id=self._ids.new(now),
            task_id=finding.task_id,
            fire_time=finding.at,
            cause=Cause.SCHEDULE,
            state=State.MISSED,
            reason=RunReason(ReasonCode.HOLE, f"{finding.text} `rota verify` found that"),
            available_at=finding.at,
            created_at=now,
            overlap=Overlap.ALLOW,
            occurrence_count=finding.count,
        )

    def _planners(self) -> Planners:
        nodes = self._history.nodes()
        return planners_of(self._registry, nodes, self._identity.id, self._identity.generation)

    def _wait(self) -> None:
        self._pause.wait(PAUSE)
