"""Claims waiting runs for the slots that are free, and starts their attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from rota.core.outcome import Outcome, OutcomeKind, unstartable
from rota.core.ports.clock import Clock
from rota.core.ports.executor import AttemptSpec, Done, Executor
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.ports.records import Claim, ClaimVerdict, NewRun, PlannedRun, Waiting
from rota.core.run import State
from rota.core.task import Overlap
from rota.core.time import SECOND, Instant, seconds, to_iso
from rota.core.trigger import LEAD
from rota.engine.health.turning import turned
from rota.engine.ledger_gateway import LedgerGateway
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.planning.task_registry import RegisteredTask, Registry
from rota.engine.running.in_flight import InFlightRun, InFlightRuns
from rota.engine.running.inbox import Inbox
from rota.engine.running.limits import TaskLimits
from rota.engine.running.outbox import Outbox
from rota.engine.running.reporter import LogFlusher, RunReporter
from rota.engine.running.timeout_enforcer import TimeoutEnforcer
from rota.engine.wake import Wake
from rota.errors import LedgerError, NodeGoneError, StateError
from rota.logs import queued

logger = queued("rota.dispatcher")

BATCH = 1_000
ALARMS: Instant = 10_000
"""It looks for what becomes available in rounds of this length, all that falls into one at once."""

LEASE_LOOK = 0.05
"""Seconds between two looks whether the lease holds again."""

LOOK_EVERY = 5.0
"""Seconds after which it looks without being woken: for retries that a dead node left."""


class Dispatcher:
    """Takes runs out of the ledger under a lease, as many as can start now."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        registry: Registry,
        gateway: LedgerGateway,
        executors: Mapping[str, Executor],
        in_flight: InFlightRuns,
        timeout_enforcer: TimeoutEnforcer,
        log_flusher: LogFlusher,
        heartbeat: Heartbeat,
        node_id: Callable[[], str],
        stuck: Callable[[], Mapping[str, str]],
        ended: Done,
        log_limit: int,
        outbox: Outbox | None,
        inbox: Inbox | None,
        queues: frozenset[str] | None,
        limits: TaskLimits,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._registry = registry
        self._writing = gateway
        self._executors = executors
        self._flights = in_flight
        self._deadlines = timeout_enforcer
        self._pump = log_flusher
        self._heartbeat = heartbeat
        self._node_id = node_id
        self._stuck = stuck
        self._ended = ended
        self._log_limit = log_limit
        self._relay, self._hand = outbox, inbox
        self._limits = limits
        self._alarms: set[Instant] = set()
        self._busy: set[str] = set()  # the executors for which the last looks found runs
        self.accepting = True
        self._unjudged: dict[str, Exception] = {}  # run id → why it cannot be judged
        self.working = True  # whether attempts are made here at all
        self.only: str | None = None  # the one task whose runs may be claimed, where there is such
        self.queues = queues  # those whose runs it makes; None: all
        self.wake = Wake()

    def wake_at(self, instant: Instant | None) -> None:
        """Look again at `instant`, or at once for None; called on the service loop."""
        wait = 0 if instant is None else instant - self._clock.now()
        if instant is None or wait <= 0:
            self.wake.set()
            return
        alarm = instant + -instant % ALARMS
        if alarm not in self._alarms:
            self._alarms.add(alarm)
            asyncio.get_running_loop().call_later(
                (wait + alarm - instant) / SECOND, self._ring, alarm
            )

    def _ring(self, alarm: Instant) -> None:
        self._alarms.discard(alarm)
        self.wake.set()

    async def run(self) -> None:
        """Claim and start, for ever."""
        while True:
            await self.wake.wait(LOOK_EVERY)
            try:
                if self._relay is not None:
                    held_until = await self._relay.offer(self._clock.now())
                    if held_until is not None:
                        self.wake_at(held_until)
                await self._claim_all()
            except NodeGoneError:
                self._heartbeat.wake.set()  # which joins anew
                self.wake_at(self._clock.now() + seconds(0.5))
            except LedgerError:
                self.wake_at(self._clock.now() + seconds(0.5))

    async def _claim_all(self) -> None:
        excluded: set[str] = set()
        while self.accepting and self.working:
            turned()
            await self._heartbeat.hold()
            free = {name: self._free_slots(name) for name in self._registry.executors()}
            open_ = {name: slots for name, slots in free.items() if slots > 0}
            if not open_:
                return
            # A look costs by what it finds: no more than those have room for that had runs at last.
            room = sum(slots for name, slots in open_.items() if name in self._busy)
            room = min(room or sum(open_.values()), BATCH)
            among = self._delivered()
            if among == []:
                return
            # However many wait for one executor, those for another are found at once.
            of_tasks = None if len(open_) == len(free) else self._registry.of_executors(open_)
            judge = _Judge(self, free, self._stuck(), self._clock.now())
            node_id = self._node_id()

            # What is delivered was published a moment early: it is claimed, and waits here.
            held = self._limits.ear()
            given = {
                "of_tasks": of_tasks,
                "among": among,
                "until": judge.now + LEAD,
                "limits": held,
            }
            claim = partial(_claim, node_id, room, frozenset(excluded), judge, given)
            try:
                claims = await self._writing.once(claim, changes=False)
                await self._heartbeat.hold()
                if node_id == self._node_id():  # else it was gone meanwhile, and they with it
                    self._start([(claim, judge.starts[claim.run_id]) for claim in claims])
            finally:
                self._flights.coming = frozenset()
            self._busy = set() if judge.refused else judge.busy or self._busy
            if self._hand is not None and among is not None:
                self._hand.claimed({claim.run_id: claim.task_id for claim in claims})
                self._hand.drop(set(among).difference(self._flights.by_run, judge.kept))
            refused = judge.refused | (held.tasks() if held else set())
            if held is not None and held.until is not None:
                self.wake_at(held.until)
            if not claims and refused <= excluded and not judge.missed:
                return
            excluded |= refused

    def _delivered(self) -> list[str] | None:
        """Return what an engine has delivered; None where this node looks for runs itself."""
        if self._hand is None or self.only is not None:
            return None
        return self._hand.unclaimed()[:BATCH]

    def reserve(self, entry: RegisteredTask, run_id: str) -> str | None:
        """Keep a slot for a new run of a task, so that it is planned and claimed in one write;
        returns the node that is to claim it, or None where it has to wait its turn."""
        if not self.accepting or not self.working or self._hand is not None:
            return None
        if self.only is not None or entry.policy.start_deadline is not None:
            return None
        if not self._serves(entry) or entry.policy.is_limited:
            return None
        name = entry.definition.executor
        if self._free_slots(name) <= 0:
            return None
        self._flights.keep(run_id, name)
        return self._node_id()

    async def take_over(self, rows: Sequence[NewRun], written: Sequence[PlannedRun]) -> None:
        """Start those of the planned rows that were claimed, give back the slots that were kept,
        and look for what waits."""
        started = {one.run_id for one in written if one.state is State.RUNNING}
        try:
            if started:
                await self._heartbeat.hold()
        finally:
            self.give_back(rows)
        mine = [row for row in rows if row.id in started and row.claim == self._node_id()]
        self._start([(_first_claim(row), row.available_at) for row in mine])
        if len(started) < len(rows):
            for instant in {row.available_at for row in rows}:
                self.wake_at(instant)

    def give_back(self, rows: Sequence[NewRun]) -> None:
        """Free the slots that were kept for these rows."""
        for row in rows:
            if row.claim is not None:
                self._flights.give_back(row.id)

    def _free_slots(self, name: str) -> int:
        return self._executors[name].slots - self._flights.used.get(name, 0)

    def _start(self, claims: Iterable[tuple[Claim, Instant]]) -> None:
        """Start each of the attempts at its instant, or at once where that has come."""
        now = self._clock.now()
        in_flight: dict[tuple[str, Instant], list[InFlightRun]] = {}
        for claim, instant in claims:
            entry = self._registry.get(claim.task_id)
            if entry is None:  # discarded since: it is unconfirmed now, and handed back
                logger.warning("%s was claimed and is no longer known", claim.task_id)
                continue
            at = max(instant, now)
            flight, trouble = self._prepared(claim, entry, at, (at - now) / SECOND)
            self._flights.add(flight)
            if trouble is None:
                in_flight.setdefault((flight.executor_name, at), []).append(flight)
            else:
                self._ended(flight.call, trouble)
        for (name, at), some in in_flight.items():
            self._deadlines.add(some)
            self._submit(name, at, some)

    def _submit(self, name: str, at: Instant, in_flight: Sequence[InFlightRun]) -> None:
        wait = (at - self._clock.now()) / SECOND
        # Also when this is called back: nothing starts early by the wall clock. A longer wait is
        # that of a clock which was set back since; by the old one the instant has come.
        if not 0 < wait <= LEAD / SECOND:
            wait = 0.0
            if not self._heartbeat.holds:  # this node was frozen since it claimed them
                self._heartbeat.wake.set()
                wait = LEASE_LOOK
        if wait:
            asyncio.get_running_loop().call_later(wait, self._submit, name, at, in_flight)
            return
        held = [flight for flight in in_flight if self._flights.has(flight)]
        calls = [flight.call for flight in held if flight.stopped_at is None]
        if calls:
            self._hand_over(name, calls)
        for flight in held:
            if flight.stopped_at is not None:
                self._ended(flight.call, Outcome(OutcomeKind.CANCELLED))

    def _hand_over(self, name: str, calls: Sequence[AttemptSpec]) -> None:
        try:
            self._executors[name].submit(calls, self._ended)
        except StateError:  # it is being shut down: they are handed back
            raise
        except Exception as error:
            for call in calls:
                self._ended(call, unstartable(error))

    def _prepared(
        self, claim: Claim, entry: RegisteredTask, at: Instant, wait: float
    ) -> tuple[InFlightRun, Outcome | None]:
        """Return an attempt, and its outcome where it cannot be started: then this is its end, and
        nobody else's."""
        try:
            if claim.damage:
                raise ValueError(f"its row is damaged: {claim.damage}")
            if claim.run_id in self._unjudged:
                raise self._unjudged.pop(claim.run_id)
            if claim.arguments is not None and not isinstance(claim.arguments, (dict, Mapping)):
                raise TypeError(f"its arguments are {claim.arguments!r:.200}, no names with values")
            return self._flight(claim, entry, at, wait), None
        except Exception as error:
            logger.exception("Run %s of %s cannot be started", claim.run_id, claim.task_id)
            return self._flight(claim._replace(arguments=None), entry, at, wait), unstartable(error)

    def _flight(self, claim: Claim, entry: RegisteredTask, at: Instant, wait: float) -> InFlightRun:
        task = entry.definition
        reporter = RunReporter(
            run_id=claim.run_id,
            attempt=claim.attempt,
            fence=claim.fence,
            limit=self._log_limit,
            ledger=self._ledger,
            clock=self._clock,
            dirty=self._pump.dirty,
        )
        call = AttemptSpec(
            run_id=claim.run_id,
            task_id=claim.task_id,
            attempt=claim.attempt,
            fire_time=claim.fire_time,
            func=task.func,
            func_path=task.func_path,
            file=task.source.file if task.source else None,
            args=task.args,
            kwargs={**task.kwargs, **claim.arguments} if claim.arguments else task.kwargs,
            checkpoint=claim.checkpoint,
            steps=claim.steps,
            reporter=reporter,
        )
        deadline = self._clock.monotonic() + wait + task.policy.timeout
        return InFlightRun(
            claim=claim,
            call=call,
            policy=task.policy,
            executor=self._executors[task.executor],
            executor_name=task.executor,
            reporter=reporter,
            started_at=at,
            deadline=deadline,
            time_up=deadline,
        )

    def expect(self, run_ids: Sequence[str]) -> None:
        """Note what is being claimed; called on the ledger's thread."""
        self._flights.coming = frozenset(run_ids)

    def judge(
        self, run: Waiting, free: dict[str, int], stuck: Collection[str], now: Instant
    ) -> str | bool | None:
        """Say True to claim a waiting run, False to leave it, None to claim it once a slot is
        free, or why it is missed. One that cannot be judged is claimed, and ends so."""
        try:
            return self._judge(run, free, stuck, now)
        except Exception as error:
            self._unjudged[run.run_id] = error
            return True

    def _judge(
        self, run: Waiting, free: dict[str, int], stuck: Collection[str], now: Instant
    ) -> str | bool | None:
        entry = self._registry.get(run.task_id)
        if entry is None or self.only not in (None, run.task_id) or not self._serves(entry):
            return False
        policy = entry.policy
        if policy.start_deadline is not None and run.fire_time is not None and run.attempt == 0:
            latest = max(run.fire_time, run.available_at) + seconds(policy.start_deadline)
            if now > latest:
                return f"it could not start by {to_iso(latest)} (start_deadline)"
        if policy.overlap is not Overlap.ALLOW and run.task_id in stuck:
            return False
        executor = entry.definition.executor
        if free.get(executor, 0) <= 0:  # none of them, for a task that was added meanwhile
            return None
        free[executor] -= 1
        return True

    def _serves(self, entry: RegisteredTask) -> bool:
        """Say whether runs of a task are made here; what was asked for by itself is."""
        return self.only is not None or self.queues is None or entry.policy.queue in self.queues


def _claim(
    node_id: str,
    room: int,
    excluded: Collection[str],
    judge: _Judge,
    given: Mapping[str, Any],
    tx: Transaction,
) -> list[Claim]:
    return tx.claim(node_id, judge.now, room, excluded, judge, **given)


def _first_claim(row: NewRun) -> Claim:
    return Claim(
        run_id=row.id,
        task_id=row.task_id,
        fire_time=row.fire_time,
        cause=row.cause,
        attempt=1,
        failures=0,
        crashes=0,
        fence=1,
        arguments=row.arguments,
        checkpoint=None,
    )


class _Judge:
    """One round of judging; called again from the start when the ledger repeats the operation."""

    def __init__(
        self, dispatcher: Dispatcher, free: dict[str, int], stuck: Collection[str], now: Instant
    ) -> None:
        self._dispatcher = dispatcher
        self._free = free
        self._stuck = stuck
        self.now = now
        self.refused: set[str] = set()
        self.kept: set[str] = set()  # the runs for which no slot was free
        self.busy: set[str] = set()  # the executors of those that are taken
        self.starts: dict[str, Instant] = {}
        self.missed = False

    def __call__(self, waiting: Sequence[Waiting]) -> ClaimVerdict:
        free, take, miss = dict(self._free), [], []
        self.refused.clear()
        self.kept.clear()
        for run in waiting:
            verdict = self._dispatcher.judge(run, free, self._stuck, self.now)
            if verdict is True:
                take.append(run.run_id)
                self.starts[run.run_id] = max(run.available_at, self.now)
            elif verdict is None:
                self.kept.add(run.run_id)
            elif verdict is False:
                self.refused.add(run.task_id)
            else:
                miss.append((run.run_id, verdict))
        self.missed = bool(miss)
        self.busy = {name for name, slots in free.items() if slots < self._free[name]}
        self._dispatcher.expect(take)
        return ClaimVerdict(take, miss)
