"""Claims waiting runs for the free slots, and starts their attempts through the launcher."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import Claim, NewRun, PlannedRun
from rota.core.run import State
from rota.core.time import SECOND, Instant, seconds
from rota.core.trigger import LEAD
from rota.engine.context import NodeContext
from rota.engine.health.turning import turned
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.running.capacity import Capacity
from rota.engine.running.claim_rules import ClaimRound, ClaimRules
from rota.engine.running.idle_looks import IdleLooks
from rota.engine.running.inbox import Inbox
from rota.engine.running.launcher import Launcher
from rota.engine.running.outbox import Outbox
from rota.engine.wake import Wake
from rota.errors import LedgerError, LedgerValueError, NodeGoneError

BATCH = 1_000
ALARMS: Instant = 10_000
"""It looks for what becomes available in rounds of this length, all that falls into one at once."""

LOOK_EVERY = 5.0
"""Seconds after which it looks without being woken: for retries that a dead node left."""

PAUSE = 0.5
"""Seconds until it looks again after the ledger was away, or this node was declared gone."""


class Dispatcher:
    """Takes runs out of the ledger under a lease, as many as can start now."""

    def __init__(
        self,
        context: NodeContext,
        capacity: Capacity,
        rules: ClaimRules,
        launcher: Launcher,
        heartbeat: Heartbeat,
        *,
        outbox: Outbox | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        """With an `inbox`, only what a broker delivers is claimed; an `outbox` offers waiting
        runs.
        """
        self._clock = context.clock
        self._registry = context.registry
        self._gateway = context.gateway
        self._identity = context.identity
        self._in_flight = context.in_flight
        self._capacity = capacity
        self._rules = rules
        self._launcher = launcher
        self._heartbeat = heartbeat
        self._outbox, self._inbox = outbox, inbox
        self._alarms: set[Instant] = set()
        self._busy: set[str] = set()  # the executors for which the last looks found runs
        self.idle_looks = IdleLooks()
        self.wake = Wake()
        context.signals.runs_available.connect(self.wake_at)
        context.signals.look_again.connect(self.wake.set)

    def wake_at(self, instant: Instant | None) -> None:
        """Look again at `instant`, on the service loop; or at once for None, from any thread."""
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
        """Claim and start until cancelled."""
        while True:
            await self.wake.wait(LOOK_EVERY)
            await self.turn()

    async def turn(self) -> None:
        """Offer what waits to the broker, if there is one, and claim all that can start now."""
        try:
            if self._outbox is not None:
                held_until = await self._outbox.offer(self._clock.now())
                if held_until is not None:
                    self.wake_at(held_until)
            await self._claim_all()
        except NodeGoneError:
            self._heartbeat.wake.set()  # the heartbeat joins again
            self.wake_at(self._clock.now() + seconds(PAUSE))
        except LedgerValueError:
            raise  # of a row that keeps all others from being claimed: it must be seen
        except LedgerError:
            self.wake_at(self._clock.now() + seconds(PAUSE))

    async def _claim_all(self) -> None:
        excluded: set[str] = set()
        capacity = self._capacity
        while capacity.takes:
            turned()
            await self._heartbeat.hold()
            free = {name: capacity.free(name) for name in self._registry.executors()}
            open_ = {name: slots for name, slots in free.items() if slots > 0}
            if not open_:
                return
            # A look costs by what it finds: no more than the executors have room for that had runs
            # at last.
            room = sum(slots for name, slots in open_.items() if name in self._busy)
            room = min(room or sum(open_.values()), BATCH)
            among = self._delivered()
            if among == []:
                return
            # However many wait for one executor, those for another are found at once.
            of_tasks = None if len(open_) == len(free) else self._registry.of_executors(open_)
            judge = self._rules.round(free)
            # What is delivered was published a moment early: it is claimed, and waits here.
            given = {
                "of_tasks": of_tasks,
                "among": among,
                "until": judge.now + LEAD,
                "limits": judge.held,
            }
            claims = await self._claim(room, frozenset(excluded), judge, given)
            self._busy = set() if judge.refused else judge.busy or self._busy
            if self._inbox is not None and among is not None:
                self._inbox.claimed({claim.run_id: claim.task_id for claim in claims})
                self._inbox.drop(set(among).difference(self._in_flight.by_run, judge.kept))
            held = judge.held
            refused = judge.refused | (held.tasks() if held else set())
            if held is not None and held.until is not None:
                self.wake_at(held.until)
            if not claims and refused <= excluded and not judge.missed:
                self.idle_looks.add(open_)
                return
            excluded |= refused

    async def _claim(
        self, room: int, excluded: Collection[str], judge: ClaimRound, given: Mapping[str, Any]
    ) -> list[Claim]:
        """Claim runs and start them; returns the claims."""
        node_id = self._identity.id
        operation = partial(_claim, node_id, room, excluded, judge, given)
        try:
            claims = await self._gateway.once(operation, changes=False)
            await self._heartbeat.hold()
            if node_id == self._identity.id:  # else it was gone meanwhile, and they with it
                starts = [(claim, judge.starts[claim.run_id]) for claim in claims]
                self._launcher.start(starts, judge.unjudged)
        finally:
            self._in_flight.coming = frozenset()
        return claims

    def _delivered(self) -> list[str] | None:
        """Return what a broker has delivered; None if this node looks for runs itself."""
        if self._inbox is None or self._capacity.only is not None:
            return None
        return self._inbox.unclaimed()[:BATCH]

    def reserve(self, entry: RegisteredTask, run_ids: Sequence[str]) -> list[str | None]:
        """Reserve slots for new runs of a task, as many as are free, so that these are planned and
        claimed in one write; returns for each the node that is to claim it, or None if it has to
        wait its turn.
        """
        name = entry.definition.executor
        room = max(self._capacity.free(name), 0) if self._claims_at_once(entry) else 0
        kept = run_ids[:room]
        for run_id in kept:
            self._in_flight.keep(run_id, name)
        return [self._identity.id] * len(kept) + [None] * (len(run_ids) - len(kept))

    def _claims_at_once(self, entry: RegisteredTask) -> bool:
        """Return whether this node claims new runs of a task in the write that plans them."""
        capacity = self._capacity
        if not capacity.takes or self._inbox is not None:
            return False
        if capacity.only is not None or entry.policy.start_deadline is not None:
            return False
        return capacity.serves(entry) and not entry.policy.is_limited

    async def take_over(self, rows: Sequence[NewRun], written: Sequence[PlannedRun]) -> None:
        """Start those of the planned rows that were claimed, give back the slots that were kept,
        and look for what waits."""
        started = {one.run_id for one in written if one.state is State.RUNNING}
        try:
            if started:
                await self._heartbeat.hold()
        finally:
            self.give_back(rows)
        mine = [row for row in rows if row.id in started and row.claim == self._identity.id]
        self._launcher.start([(_first_claim(row), row.available_at) for row in mine])
        if len(started) < len(rows):
            for instant in {row.available_at for row in rows}:
                self.wake_at(instant)

    def give_back(self, rows: Sequence[NewRun]) -> None:
        """Free the slots that were kept for these rows."""
        for row in rows:
            if row.claim is not None:
                self._in_flight.give_back(row.id)


def _claim(
    node_id: str,
    room: int,
    excluded: Collection[str],
    judge: ClaimRound,
    given: Mapping[str, Any],
    tx: Transaction,
) -> list[Claim]:
    return tx.claim(node_id, judge.now, room, excluded, judge, **given)


def _first_claim(row: NewRun) -> Claim:
    """Return the claim of a first attempt; made by position, as one is made for every run."""
    return Claim(
        row.id,
        row.task_id,
        row.fire_time,
        row.cause,
        1,  # attempt
        0,  # failures
        0,  # crashes
        1,  # fence
        row.arguments,
        None,  # checkpoint
    )
