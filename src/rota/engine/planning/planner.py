"""Turns due tasks into rows: one for every occurrence, before anything starts."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rota import triggers
from rota.core import catchup
from rota.core.audit import UNNAMED_ACTOR, Actor
from rota.core.ids import RunIds
from rota.core.ports.ledger import NodeLiveness, Transaction
from rota.core.ports.records import NewRun, PlannedRun
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import ACTIVE, Cause, State
from rota.core.task import Catchup, Overlap
from rota.core.time import SECOND, Instant, to_iso
from rota.core.trigger import LEAD
from rota.definitions.arguments import overlap_key_of
from rota.engine.context import NodeContext
from rota.engine.health.turning import turned
from rota.engine.membership.identity import heard_at
from rota.engine.planning.due_later import DueLater
from rota.engine.planning.due_rows import find_due
from rota.engine.planning.manual_starts import ManualStart, manual_rows
from rota.engine.planning.refused_tasks import Refusals
from rota.engine.planning.skip_log import SkipLog
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.planning.window_sync import is_delayed
from rota.engine.running.dispatcher import Dispatcher
from rota.engine.running.outbox import Outbox
from rota.engine.running.stuck_attempts import StuckAttempts
from rota.engine.wake import Wake
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.daemon_threads import run_in_thread
from rota.scheduling import LONGEST_LEAD, DueTask

logger = queued("rota.planner")

FIRST_BATCH, LARGEST_BATCH = 250, 2_000
"""Occurrences per write: the first ones of a tick start soon, a crowd shares its commits."""

WRITES = 3
"""Writes in progress at once: the next one is prepared while the last one becomes durable."""


@dataclass(slots=True)
class _Batch:
    """Rows for one write, and `planned_until` of their tasks: before the write (with whether their
    `first` needed a row), and after it.
    """

    rows: list[NewRun] = field(default_factory=list)
    before: dict[str, tuple[Instant, bool]] = field(default_factory=dict)
    then: dict[str, Instant] = field(default_factory=dict)
    opened: object = ()  # the opened windows by which they were judged


class Planner:
    """Takes the due tasks from the clock and writes their occurrences.

    However many nodes plan the same occurrence, the ledger's unique key lets one row exist. It is
    written a moment early, so that the run starts when its instant comes and not a commit later.

    What is due is kept by task, and what could not be written is planned again from
    `planned_until` on: so the ledger may be unavailable for long, and the catch-up rule judges what
    that made late.
    """

    def __init__(
        self,
        context: NodeContext,
        ids: RunIds,
        dispatcher: Dispatcher,
        stuck: StuckAttempts,
        *,
        outbox: Outbox | None = None,
    ) -> None:
        self._clock = context.clock
        self._history = context.ledger.history
        self._registry = context.registry
        self._gateway = context.gateway
        self._identity = context.identity
        self._ids = ids
        self._dispatcher = dispatcher
        self._stuck = stuck
        self._outbox = outbox
        self._due: OrderedDict[str, DueTask] = OrderedDict()
        self._lock = threading.Lock()  # of `_due`
        self._later = DueLater(context.clock, self.due)
        self._skip_log = SkipLog()
        self._busy: set[str] = set()  # those that had a run in progress then
        self._writes: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(WRITES)
        self.refusals = Refusals(context.registry, self.due)
        self.wake = Wake()
        self._outdated = context.signals.delays_outdated
        context.signals.tasks_due.connect(self.due)

    def due(self, tasks: list[DueTask]) -> None:
        """Take the due tasks; called inside the clock's tick, so it only notes them."""
        with self._lock:
            for one in tasks:
                known = self._due.get(one.task_id)
                if known is not None:
                    one = DueTask(one.task_id, None, max(known.until, one.until))
                self._due[one.task_id] = one
        self.wake.set()

    def waiting(self) -> dict[str, Instant]:
        """Return until when tasks have fallen due that the planner has not taken yet."""
        with self._lock:
            return {one.task_id: one.until for one in self._due.values()}

    @property
    def is_idle(self) -> bool:
        """Return whether everything that fell due is durable."""
        return not self._due and not self._writes

    async def run(self) -> None:
        """Plan what is due until cancelled."""
        self._room = asyncio.Semaphore(WRITES)  # of this loop: the last one's is gone
        self._later.ring_all()
        while True:
            await self.wake.wait()
            size = FIRST_BATCH
            while self._due:
                turned()
                await self._room.acquire()
                await self._gateway.until_back()
                write = asyncio.create_task(self._write(self._take(size)))
                self._writes.add(write)
                write.add_done_callback(self._written)
                await asyncio.sleep(0)  # the write proceeds while the next batch is made
                size = min(size * 2, LARGEST_BATCH)

    def _written(self, write: asyncio.Task[None]) -> None:
        self._writes.discard(write)
        self._room.release()
        if not write.cancelled() and (error := write.exception()) is not None:
            logger.error("Occurrences could not be planned", exc_info=error)

    def _take(self, size: int) -> _Batch:
        batch = _Batch(opened=self._registry.opened)
        now, stuck = self._clock.now(), self._stuck.anywhere()
        while len(batch.rows) < size:
            with self._lock:
                if not self._due:
                    break
                task_id, due = self._due.popitem(last=False)
                if task_id in self.refusals.alone and batch.rows:
                    self._due[task_id] = due
                    self._due.move_to_end(task_id, last=False)
                    break
            entry = self._registry.get(task_id)
            if entry is not None:
                try:
                    self._add_rows(batch, entry, due, now, stuck.get(task_id))
                except Exception as error:  # of the one task; every other one continues
                    self.refusals.add(due, error)
            if task_id in self.refusals.alone and batch.rows:
                break
        return batch

    async def _write(self, batch: _Batch) -> None:
        if not batch.rows:
            return
        try:
            written = await self._gateway.once(lambda tx: self._plan(tx, batch.rows))
        except LedgerError:
            self._plan_again(batch)
            return
        except asyncio.CancelledError:  # the end, and the ledger away: the next start plans it
            self._plan_again(batch)
            raise
        except Exception as error:  # no error of the ledger: a row of one of these tasks
            self._one_by_one(batch, error)
            return
        self.refusals.planned(batch.then)
        if batch.opened is not self._registry.opened and any(map(is_delayed, batch.rows)):
            self._outdated.send()
        await self._dispatcher.take_over(batch.rows, written)
        left = {one.run_id for one in written if one.state is None}
        self._leave([row for row in batch.rows if row.id in left], batch.then)
        await self._look_behind(batch, {one.run_id for one in written})
        if self._busy:
            begun = {one.task_id for one in written if one.state in ACTIVE}
            self._busy -= begun.difference(one.task_id for one in written if one.state is None)
        # Only now: an old `planned_until` costs a look at rows that exist, a late start costs the
        # user time.
        then = {id_: at for id_, at in batch.then.items() if self._is_written_until(id_, at)}
        await self._gateway.until_done(lambda tx: tx.plan((), then))
        self._skip_log.report(written, self._clock.now())

    def _one_by_one(self, batch: _Batch, error: Exception) -> None:
        """Plan the tasks of a batch that failed again, each alone, and a task that failed alone
        later: it must not keep the others from being planned.
        """
        if len(batch.then) > 1:
            self.refusals.alone.update(batch.then)
            self._plan_again(batch)
            return
        for task_id, until in batch.then.items():
            self._rewind(batch)
            self.refusals.add(DueTask(task_id, None, until), error)

    def _plan(
        self, tx: Transaction, rows: Sequence[NewRun], by: Actor = UNNAMED_ACTOR
    ) -> list[PlannedRun]:
        publish = None if self._outbox is None else self._outbox.publish
        own = self._identity
        liveness = NodeLiveness(own.id, lambda node: heard_at(node, self._clock.now()), own.name)
        return tx.plan(rows, by=by, publish=publish, liveness=liveness)

    def _is_offered(self, entry: RegisteredTask) -> bool:
        return self._outbox is not None and self._outbox.takes(entry)

    def _leave(self, rows: Sequence[NewRun], planned_until: dict[str, Instant]) -> None:
        """Plan occurrences again when the time of each has come: a run of their task is in
        progress, and may have ended by then.
        """
        for row in rows:
            entry, instant = self._registry.get(row.task_id), row.fire_time
            if entry is None or instant is None:
                continue
            self._busy.add(row.task_id)
            entry.fall_back(instant - 1)
            planned_until[row.task_id] = min(planned_until[row.task_id], instant - 1)
            self._later.add(row.task_id, instant, instant)

    async def _look_behind(self, batch: _Batch, written: Collection[str]) -> None:
        """Plan again what a row would cover that was not written, because the first of its
        occurrences has a row of its own: the node that wrote it was killed before `planned_until`
        was moved.
        """
        for row in batch.rows:
            entry, instant, task_id = self._registry.get(row.task_id), row.fire_time, row.task_id
            if row.occurrence_count == 1 or row.id in written or entry is None or instant is None:
                continue
            until, planned_until = (
                batch.then[task_id],
                await self._planned_until_at(task_id, instant),
            )
            if planned_until is not None:
                entry.fall_back(planned_until)
                batch.then[task_id] = min(until, planned_until)
                self.due([DueTask(task_id, None, until)])

    async def _planned_until_at(self, task_id: str, instant: Instant) -> Instant | None:
        """Return the instant up to which a task is planned by a row that has this instant; None if
        that row covers several occurrences itself: another node wrote it for the same downtime.
        """
        try:
            evidence = self._history.evidence
            rows = await run_in_thread(lambda: evidence.rows([task_id], instant, instant, 1))
        except LedgerError:
            return instant - 1  # not known yet
        return instant if rows and rows[0][1].count == 1 else None

    def _is_written_until(self, task_id: str, planned_until: Instant) -> bool:
        """Return whether everything up to `planned_until` was written, so that no earlier batch is
        planned again, and by the schedule that the ledger has.
        """
        entry = self._registry.get(task_id)
        return entry is not None and entry.is_current and entry.planned_until >= planned_until

    def _plan_again(self, batch: _Batch) -> None:
        self._rewind(batch)
        self.due([DueTask(task_id, None, until) for task_id, until in batch.then.items()])

    def _rewind(self, batch: _Batch) -> None:
        self._dispatcher.give_back(batch.rows)
        for task_id, (planned_until, owes_first) in batch.before.items():
            entry = self._registry.get(task_id)
            if entry is not None:
                entry.fall_back(planned_until, owes_first=owes_first)

    def _add_rows(
        self, batch: _Batch, entry: RegisteredTask, due: DueTask, now: Instant, stuck: str | None
    ) -> None:
        task_id = entry.definition.id
        lead, most = (0, 0) if task_id in self._busy else (LEAD, LONGEST_LEAD)
        until = max(now + lead, min(due.until, now + most))
        owes_first = entry.owes_first
        found = find_due(entry, due.instant, until, now)
        if until < due.until:  # its task is busy, or the clock was set back since
            following = entry.trigger.next_after(until)
            if following is not None and following <= due.until:
                entry.is_behind = True  # it was handed over, and is yet to be planned
                self._later.add(task_id, following - lead, due.until)
        if found:
            # It may have fallen due again meanwhile.
            batch.before.setdefault(task_id, (entry.planned_until, owes_first))
            settled = entry.settled if entry.settled <= until else 0
            batch.then[task_id] = entry.planned_until = max(
                entry.planned_until, found[-1].until, settled
            )
            batch.rows += [self._row(entry, one, now, stuck) for one in found]

    def _row(
        self, entry: RegisteredTask, due: catchup.Due, now: Instant, stuck: str | None
    ) -> NewRun:
        task_id, policy = entry.definition.id, entry.policy
        state, reason, available_at = State.QUEUED, due.reason, due.fire_time
        if due.is_missed or due.is_skipped:
            state = State.SKIPPED if due.is_skipped else State.MISSED
        elif stuck and policy.overlap is not Overlap.ALLOW:
            why = f"an attempt that timed out {stuck}"
            state, reason = State.SKIPPED, RunReason(ReasonCode.STUCK, why)
        elif (end := entry.windows.starts_at(due.fire_time) or 0) > now + LEAD:
            state, available_at = State.SCHEDULED, end
            reason = RunReason(
                ReasonCode.WINDOW, f"it waits for the end of a window, {to_iso(end)}"
            )
        elif entry.trigger.jitter:
            delay = triggers.start_delay(entry.trigger, task_id, due.fire_time)
            available_at += delay
            if available_at > now + LEAD:
                why = f"its start is delayed by {delay / SECOND:.3g} s (jitter)"
                state, reason = State.SCHEDULED, RunReason(ReasonCode.JITTER, why)
        run_id = self._ids.new(now)
        is_near = available_at <= now + LEAD  # what comes later takes no slot from others till then
        starts = is_near and state is State.QUEUED
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
            queue_limit=policy.most_waiting,
            max_running=policy.max_running,
            limits=policy.limits if policy.is_limited else "",
            caught_up=due.caught_up,
            follows=policy.catchup_limit if policy.catchup is Catchup.ALL else 0,
            occurrence_count=due.occurrence_count,
            claim=self._dispatcher.reserve(entry, [run_id])[0] if starts else None,
            offered=is_near and self._is_offered(entry),
            early=due.fire_time > now,
            priority=policy.priority,
            overlap_key=overlap_key_of(policy.overlap_key, entry.definition, None),
            nominal_time=entry.nominal_time(due.fire_time),
        )

    async def start_manually(
        self, entry: RegisteredTask, starts: Sequence[ManualStart], by: Actor
    ) -> list[str]:
        """Start a task as often as asked; returns the runs' ids when they are durable; raises
        LedgerError."""
        now = self._clock.now()
        ids = [self._ids.new(now) for _ in starts]
        claims = self._dispatcher.reserve(entry, ids)
        rows = manual_rows(entry, starts, ids, now, claims, offered=self._is_offered(entry))
        try:
            written = await self._gateway.once(lambda tx: self._plan(tx, rows, by))
        except BaseException:
            self._dispatcher.give_back(rows)
            raise
        await self._dispatcher.take_over(rows, written)
        return ids
