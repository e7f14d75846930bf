"""Turns due tasks into rows: one for every occurrence, before anything starts."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rota import triggers
from rota.core import catchup
from rota.core.ids import RunIds
from rota.core.instants import SECOND, Instant
from rota.core.ports import Clock, NewRun
from rota.core.run import Cause, State
from rota.core.task import Overlap, Policy
from rota.engine.dispatcher import Dispatcher
from rota.engine.registry import Entry, Registry
from rota.engine.wake import Wake
from rota.engine.writing import Writing
from rota.scheduling import LEAD, DueTask

logger = logging.getLogger("rota.planner")

FIRST_BATCH, LARGEST_BATCH = 250, 2_000
"""Occurrences per write: the first ones of a tick start soon, a crowd shares its commits."""

WRITES = 3
"""Writes under way at once: the next one is made ready while the last one becomes durable."""


class Planner:
    """Takes the due tasks from the clock and writes their occurrences.

    However many nodes plan the same occurrence, the ledger's unique key lets one row exist. It is
    written a moment early, so that the run starts when its instant comes and not a commit later.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        writing: Writing,
        ids: RunIds,
        dispatcher: Dispatcher,
        stuck: Callable[[], Mapping[str, str]],
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._writing = writing
        self._ids = ids
        self._stuck = stuck
        self._dispatcher = dispatcher
        self._due: deque[DueTask] = deque()
        self._writes: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(WRITES)
        self.wake = Wake()

    def due(self, tasks: list[DueTask]) -> None:
        """Take the due tasks; called inside the clock's tick, so it only notes them."""
        self._due.extend(tasks)
        self.wake.set()

    @property
    def is_idle(self) -> bool:
        """Say whether everything that fell due is durable."""
        return not self._due and not self._writes

    async def run(self) -> None:
        """Plan what is due, for ever."""
        self._room = asyncio.Semaphore(WRITES)  # of this loop: the last one's is gone
        while True:
            await self.wake.wait()
            size = FIRST_BATCH
            while self._due:
                await self._room.acquire()
                rows, cursors = self._take(size)
                write = asyncio.create_task(self._write(rows, cursors))
                self._writes.add(write)
                write.add_done_callback(self._written)
                await asyncio.sleep(0)  # it is on its way while the next batch is made
                size = min(size * 2, LARGEST_BATCH)

    def _written(self, write: asyncio.Task[None]) -> None:
        self._writes.discard(write)
        self._room.release()
        if not write.cancelled() and (error := write.exception()) is not None:
            logger.error("Occurrences could not be planned", exc_info=error)

    def _take(self, size: int) -> tuple[list[NewRun], dict[str, Instant]]:
        rows: list[NewRun] = []
        cursors: dict[str, Instant] = {}
        stuck = self._stuck()
        while self._due and len(rows) < size:
            task_id, instant = self._due.popleft()
            entry = self._registry.get(task_id)
            if entry is not None:
                self._add_rows(entry, instant, stuck.get(task_id), rows, cursors)
        return rows, cursors

    async def _write(self, rows: list[NewRun], cursors: dict[str, Instant]) -> None:
        if not rows:
            return
        written = await self._writing.until_done(lambda tx: tx.plan(rows))
        await self._dispatcher.take_over(rows, written)
        left = {one.run_id for one in written if one.state is None}
        for row in [row for row in rows if row.id in left]:
            self._leave(row, cursors)
        # Only now: an old cursor costs a look at rows that exist, a late start costs somebody time.
        await self._writing.until_done(lambda tx: tx.plan((), cursors))
        for one in written:
            if one.state in (State.SKIPPED, State.MISSED):
                logger.warning("%s %s: %s", one.task_id, one.state, one.reason)

    def _leave(self, row: NewRun, cursors: dict[str, Instant]) -> None:
        """Plan an occurrence again when its time has come."""
        entry, instant = self._registry.get(row.task_id), row.available_at
        if entry is None:
            return
        if entry.cursor == cursors[row.task_id]:  # else somebody moved it on meanwhile
            entry.cursor = min(entry.cursor, instant - 1)
        cursors[row.task_id] = min(cursors[row.task_id], instant - 1)
        wait = max(instant - self._clock.now(), 0) / SECOND
        asyncio.get_running_loop().call_later(wait, self.due, [DueTask(row.task_id, None)])

    def _add_rows(
        self,
        entry: Entry,
        instant: Instant | None,
        stuck: str | None,
        rows: list[NewRun],
        cursors: dict[str, Instant],
    ) -> None:
        now = self._clock.now()
        until = now + LEAD
        if entry.is_quiet(until):
            return
        due = self._find_due(entry, instant, until)
        if due:
            entry.cursor = due[-1].until
            if entry.is_current:
                cursors[entry.definition.id] = entry.cursor
            rows.extend([self._row(entry, one, now, stuck) for one in due])

    @staticmethod
    def _find_due(entry: Entry, instant: Instant | None, until: Instant) -> list[catchup.Due]:
        """Return the rows for what is due; a lone instant that is on time needs no survey."""
        if instant is not None and entry.cursor < instant <= until <= instant + catchup.ON_TIME:
            return [catchup.Due(instant)]
        survey = catchup.survey(
            entry.trigger, entry.cursor, until, entry.policy, triggers.count_between
        )
        return catchup.decide(survey, entry.policy)

    def _row(self, entry: Entry, due: catchup.Due, now: Instant, stuck: str | None) -> NewRun:
        task_id, policy = entry.definition.id, entry.policy
        state, reason, available_at = State.QUEUED, "", due.fire_time
        if due.missed_reason is not None:
            state, reason = State.MISSED, due.missed_reason
        elif stuck and policy.overlap is not Overlap.ALLOW:
            state, reason = State.SKIPPED, f"an attempt that timed out is still stuck at {stuck}"
        elif entry.trigger.jitter:
            available_at += triggers.start_delay(entry.trigger, task_id, due.fire_time)
            state = State.SCHEDULED if available_at > now + LEAD else State.QUEUED
        run_id = self._ids.new(now)
        return NewRun(
            id=run_id,
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
            claim=self._dispatcher.reserve(entry, run_id) if state is State.QUEUED else None,
            early=due.fire_time > now,
        )

    async def by_hand(
        self, entry: Entry, arguments: Sequence[Mapping[str, Any] | None]
    ) -> list[str]:
        """Start a task once for each of the arguments; returns the runs' ids when they are
        durable; raises LedgerError."""
        now, policy = self._clock.now(), entry.policy
        rows = [
            NewRun(
                id=run_id,
                task_id=entry.definition.id,
                fire_time=None,
                cause=Cause.MANUAL,
                state=State.QUEUED,
                reason="",
                available_at=now,
                created_at=now,
                overlap=by_hand_overlap(policy),
                arguments=one,
                claim=self._dispatcher.reserve(entry, run_id),
            )
            for one in arguments
            for run_id in (self._ids.new(now),)
        ]
        try:
            written = await self._writing.once(lambda tx: tx.plan(rows))
        except BaseException:
            self._dispatcher.give_back(rows)
            raise
        await self._dispatcher.take_over(rows, written)
        return [row.id for row in rows]


def by_hand_overlap(policy: Policy) -> Overlap:
    """Return how a run that was started by hand stands beside others of its task: it waits."""
    return Overlap.ALLOW if policy.overlap is Overlap.ALLOW else Overlap.QUEUE
