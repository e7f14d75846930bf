"""Turns due tasks into rows: one for every occurrence, before anything starts."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from rota import triggers
from rota.core import catchup
from rota.core.ids import RunIds
from rota.core.instants import Instant
from rota.core.ports import Clock, NewRun
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.engine.registry import Entry, Registry
from rota.engine.wake import Wake
from rota.engine.writing import Writing

logger = logging.getLogger("rota.planner")

BATCH = 2_000
"""Occurrences per write: large enough to share a commit, small enough to start soon."""


class Planner:
    """Takes the ids of due tasks from the clock and writes their occurrences.

    However many nodes plan the same occurrence, the ledger's unique key lets one row exist.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        writing: Writing,
        ids: RunIds,
        stuck: Callable[[str], str | None],
        planned: Callable[[Instant | None], None],
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._writing = writing
        self._ids = ids
        self._stuck = stuck
        self._planned = planned
        self._due: deque[str] = deque()
        self.wake = Wake()

    def due(self, task_id: str) -> None:
        """Take a due task; called inside the clock's tick, so it only notes it."""
        self._due.append(task_id)
        self.wake.set()

    async def run(self) -> None:
        """Plan what is due, for ever."""
        while True:
            await self.wake.wait()
            while self._due:
                await self._plan_some()

    async def _plan_some(self) -> None:
        rows: list[NewRun] = []
        cursors: dict[str, Instant] = {}
        while self._due and len(rows) < BATCH:
            entry = self._registry.get(self._due.popleft())
            if entry is not None:
                self._add_rows(entry, rows, cursors)
        if not rows:
            return
        written = await self._writing.until_done(lambda tx: tx.plan(rows, cursors))
        for row in written:
            if row.state in (State.SKIPPED, State.MISSED):
                logger.warning("%s %s: %s", row.task_id, row.state, row.reason)
        delayed = [row.available_at for row in rows if row.state is State.SCHEDULED]
        self._planned(min(delayed, default=None))

    def _add_rows(self, entry: Entry, rows: list[NewRun], cursors: dict[str, Instant]) -> None:
        now = self._clock.now()
        if entry.is_quiet(now):
            return
        survey = catchup.survey(
            entry.trigger, entry.cursor, now, entry.policy, triggers.count_between
        )
        due = catchup.decide(survey, entry.policy)
        if not due:
            return
        entry.cursor = cursors[entry.definition.id] = due[-1].fire_time
        rows.extend([self._row(entry, one, now) for one in due])

    def _row(self, entry: Entry, due: catchup.Due, now: Instant) -> NewRun:
        task_id, policy = entry.definition.id, entry.policy
        state, reason, available_at = State.QUEUED, "", due.fire_time
        if due.missed_reason is not None:
            state, reason = State.MISSED, due.missed_reason
        elif policy.overlap is not Overlap.ALLOW and (place := self._stuck(task_id)):
            state, reason = State.SKIPPED, f"an attempt that timed out is still stuck at {place}"
        elif entry.trigger.jitter:
            available_at += triggers.start_delay(entry.trigger, task_id, due.fire_time)
            state = State.SCHEDULED if available_at > now else State.QUEUED
        return NewRun(
            id=self._ids.new(now),
            task_id=task_id,
            fire_time=due.fire_time,
            cause=Cause.SCHEDULE,
            state=state,
            reason=reason,
            available_at=available_at,
            created_at=now,
            overlap=policy.overlap,
            queue_limit=policy.queue_limit,
            caught_up=due.caught_up,
            stands_for=due.stands_for,
        )
