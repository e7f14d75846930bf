"""The engine of one node: its loops, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rota import triggers
from rota.core.audit import Actor
from rota.core.ids import RunIds
from rota.core.ports.broker import Broker
from rota.core.ports.clock import Clock
from rota.core.ports.executor import Executor
from rota.core.ports.ledger import Ledger
from rota.core.ports.records import StoredTask
from rota.core.role import Role
from rota.core.run import FINAL
from rota.core.task import TaskDefinition
from rota.core.time import SECOND, Instant, to_iso
from rota.engine.event_loop import TIDYING, ServiceLoop, Work
from rota.engine.health import inside
from rota.engine.health.delivery import Delivery
from rota.engine.health.report import broken_tasks
from rota.engine.health.unplanned import Unplanned
from rota.engine.ledger_gateway import LedgerGateway
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.membership.identity import Identity, process_start_token
from rota.engine.membership.reaper import Reaper
from rota.engine.membership.shutdown import Shutdown
from rota.engine.planning.planner import ManualStart, Planner
from rota.engine.planning.task_registry import RegisteredTask, Registry
from rota.engine.planning.task_sync import TaskSync
from rota.engine.running.dispatcher import Dispatcher
from rota.engine.running.in_flight import InFlightRuns
from rota.engine.running.inbox import Inbox
from rota.engine.running.limits import TaskLimits
from rota.engine.running.outbox import Outbox
from rota.engine.running.recorder import Recorder
from rota.engine.running.reporter import LogFlusher
from rota.engine.running.timeout_enforcer import TimeoutEnforcer
from rota.engine.settings import Settings
from rota.engine.upkeep.change_poller import ChangePoller
from rota.engine.upkeep.pruner import Pruner
from rota.engine.upkeep.step_detecting_clock import StepDetectingClock
from rota.engine.upkeep.verifier import Verifier
from rota.engine.upkeep.watchdog import Blockable, Watchdog
from rota.errors import LedgerError
from rota.runtime import gc_control
from rota.runtime.daemon_threads import beside
from rota.runtime.log_queue import flush, on_own_thread, own_thread, queued
from rota.scheduling import TickingClock
from rota.task_api import output_capture

logger = queued("rota.node")

MOST_TOLD = 10
"""Reasons of its health that a node tells the others."""


class Node:
    """Plans, claims, runs and records on this node; start and stop are safe twice.

    User code runs on the executors' threads, loop and processes; everything here runs on the
    service loop's own thread, which nothing of the user's can block.
    """

    def __init__(
        self,
        *,
        machine: Clock,
        ledger: Ledger,
        executors: Mapping[str, Executor],
        loop: Blockable,
        settings: Settings,
        engine: Broker | None = None,
    ) -> None:
        """Go by the ledger's clock, which may be the `machine`'s or not."""
        self.clock = clock = StepDetectingClock(ledger.clock)
        self.machine = clock if ledger.clock is machine else StepDetectingClock(machine)
        self.ledger, self.executors = ledger, executors
        self.settings = settings
        self.ids = RunIds()
        self.registry = Registry()
        self.in_flight = InFlightRuns()
        self.identity = Identity(clock, self.ids, name=settings.node_name, version=settings.version)
        self.gateway = LedgerGateway(ledger, clock)
        self.heartbeat = Heartbeat(
            clock=clock,
            gateway=self.gateway,
            identity=self.identity,
            lease=settings.lease_seconds,
            slots=self._slots,
            info=self._info,
            cancel=self._cancel_runs,
            lost=self._let_go,
        )
        self.log_flusher = LogFlusher(self.gateway)
        limits = TaskLimits(self.registry, settings.groups)
        self.broker = engine
        self.outbox = self.inbox = None
        self.delivery = Delivery(
            clock=clock,
            registry=self.registry,
            lanes=lambda: self._lanes() if self._is_served() else {},
            free=lambda name: executors[name].slots - self.in_flight.used.get(name, 0),
        )
        if engine is not None:
            self.outbox = Outbox(
                clock=clock,
                engine=engine,
                registry=self.registry,
                gateway=self.gateway,
                limits=limits,
                delivery=self.delivery,
            )
            self.inbox = Inbox(
                engine=engine,
                lanes=self._lanes,
                wake=lambda: self.dispatcher.wake.set(),
                answered=self.delivery.answered,
            )
        self.recorder = Recorder(
            clock=clock,
            in_flight=self.in_flight,
            gateway=self.gateway,
            node_id=lambda: self.identity.id,
            on_slot_free=lambda available_at: self.dispatcher.wake_at(available_at),
            on_settled=self.inbox.drop if self.inbox is not None else lambda _: None,
        )
        self.timeout_enforcer = TimeoutEnforcer(
            clock, self.in_flight, self.recorder.ended, gave_up=self.heartbeat.wake.set
        )
        self.dispatcher = Dispatcher(
            clock=clock,
            ledger=ledger,
            registry=self.registry,
            gateway=self.gateway,
            executors=executors,
            in_flight=self.in_flight,
            timeout_enforcer=self.timeout_enforcer,
            log_flusher=self.log_flusher,
            heartbeat=self.heartbeat,
            node_id=lambda: self.identity.id,
            stuck=self._stuck_anywhere,
            ended=self.recorder.ended,
            log_limit=settings.run_log_limit,
            outbox=self.outbox,
            inbox=self.inbox,
            queues=settings.queues,
            limits=limits,
        )
        self.planner = Planner(
            clock=clock,
            registry=self.registry,
            gateway=self.gateway,
            ids=self.ids,
            dispatcher=self.dispatcher,
            outbox=self.outbox,
            stuck=self._stuck_anywhere,
            node_id=lambda: self.identity.id,
            history=ledger.history,
        )
        self.ticking = TickingClock(clock, self.planner.due)
        self.unplanned = Unplanned(
            clock=clock,
            registry=self.registry,
            next_of=self.ticking.next_of,
            waiting=self.planner.waiting,
        )
        self.concerns: list[Callable[[], Iterable[str]]] = [self.planner.refusals.troubles]
        """What else may be wrong with this node, in words; see `inside`."""
        self.watchdog = Watchdog(
            clock=clock,
            machine=self.machine,
            loop=loop,
            clock_stepped=self._clock_stepped,
            look=self._look_at_plan,
        )
        self.reaper = Reaper(
            clock=clock,
            history=ledger.history,
            gateway=self.gateway,
            identity=self.identity,
            heartbeat=self.heartbeat,
            in_flight=self.in_flight,
            every=settings.lease_seconds / 5,
            wake=self.dispatcher.wake,
        )
        self.change_poller = ChangePoller(
            ledger=ledger,
            registry=self.registry,
            identity=self.identity,
            changed=self._changed,
            cancel=self._cancel_runs,
            runs=self.dispatcher.wake,
        )
        self.pruner = Pruner(
            clock=clock,
            registry=self.registry,
            gateway=self.gateway,
            days=settings.retention_days,
        )
        self.verifier = Verifier(
            clock=clock,
            history=ledger.history,
            gateway=self.gateway,
            registry=self.registry,
            identity=self.identity,
            heartbeat=self.heartbeat,
            ids=self.ids,
            generation=lambda: self.generation,
        )
        self.task_sync = TaskSync(
            clock=clock, registry=self.registry, gateway=self.gateway, ticking=self.ticking
        )
        self.ending = Shutdown(
            clock=clock,
            identity=self.identity,
            gateway=self.gateway,
            heartbeat=self.heartbeat,
            planner=self.planner,
            dispatcher=self.dispatcher,
            timeout_enforcer=self.timeout_enforcer,
            in_flight=self.in_flight,
            recorder=self.recorder,
            log_flusher=self.log_flusher,
            executors=executors.values(),
            inbox=self.inbox,
        )
        self.service_loop = ServiceLoop(
            begin=self._begin,
            works=self._works,
            end=self._end,
            hurry=self.ending.hurry,
            tidy=self._tidy,
            wakes=[
                self.planner.wake,
                self.dispatcher.wake,
                self.recorder.wake,
                self.timeout_enforcer.wake,
                self.task_sync.wake,
                self.heartbeat.wake,
            ],
        )
        self._rewinding: asyncio.Task[None] | None = None  # kept so that it is not collected
        self.role = Role.ALL
        self.generation = ""  # of the task files: the same on nodes that have the same

    # --- tasks ---

    @property
    def is_running(self) -> bool:
        """Say whether it was started and not stopped."""
        return self.service_loop.is_up

    def add(self, definition: TaskDefinition) -> RegisteredTask:
        """Know a task from now on, in place of one with the same id; raises TriggerError."""
        entry = RegisteredTask(definition, self.clock.now())
        before = self.registry.get(definition.id)
        if before is not None:
            entry.cursor = before.cursor
        self.registry.put(entry)
        if self.is_running:
            self.task_sync.add(entry)
        return entry

    def discard(self, task_id: str) -> None:
        """Know a task no more; its rows in the ledger are the caller's."""
        self.registry.discard(task_id)
        self.ticking.discard(task_id)

    def settle_registrations(self) -> None:
        """Wait until every task that was added is in the ledger; raises LedgerError."""
        if self.service_loop.takes_calls:
            self.service_loop.call(self.task_sync.register_added)

    @property
    def clock_ahead(self) -> float | None:
        """Return by how many seconds the machine's clock is ahead of the ledger's, where that has
        one of its own."""
        if self.machine is self.clock:
            return None
        return round((self.machine.now() - self.clock.now()) / SECOND, 3)

    def stuck_places(self) -> dict[str, str]:
        """Return task id → place of the attempts that would not stop and still go on."""
        return {
            stuck.task_id: stuck.place
            for executor in self.executors.values()
            for stuck in executor.stuck()
        }

    def _stuck_anywhere(self) -> dict[str, str]:
        return self.reaper.stuck_elsewhere | self.stuck_places()

    def poke(self) -> None:
        """Look at everything at once: the clock was moved, or something was written."""
        self.ticking.wakeup()
        self.heartbeat.wake.set()
        self.dispatcher.wake.set()
        self.timeout_enforcer.wake.set()

    def run_by_hand(
        self, entry: RegisteredTask, starts: Sequence[ManualStart], by: Actor
    ) -> list[str]:
        """Start a known task as often as asked; returns the runs' ids when they are durable;
        raises LedgerError, or StateError where it is not running."""
        return self.service_loop.call(lambda: self.planner.by_hand(entry, starts, by))

    def refresh(self) -> None:
        """Take over now what the ledger says of tasks and runs; raises LedgerError."""
        if self.service_loop.takes_calls:
            self.service_loop.call(self.change_poller.refresh)

    def wait_for(self, run_id: str) -> None:
        """Wait until a run has ended; raises UnknownRunError."""
        while self.ledger.history.run(run_id).state not in FINAL:
            self.recorder.recorded.wait(0.5)
            self.recorder.recorded.clear()

    # --- life ---

    def start(self, *, only: str | None = None, role: Role = Role.ALL) -> None:
        """Join the nodes and begin; returns at once when that is done; raises LedgerError.

        With `only`, it plans nothing and claims nothing but the runs of that task; otherwise it
        does what its role says. Where the waiting is interrupted, it goes on starting until `stop`
        is called.
        """
        if self.service_loop.is_up:
            return
        self.dispatcher.only = only
        self.role = role
        self.dispatcher.working = only is not None or role in (Role.ALL, Role.WORKER)
        with own_thread():
            self.ledger.open()
        output_capture.install()
        self.dispatcher.accepting = self.heartbeat.beating = True
        try:
            self.service_loop.start()
        except Exception:
            self.stop()
            raise
        gc_control.spare(self.settings.gc_freeze)

    def stop(self, grace: float | None = None) -> bool:
        """Stop claiming, give running attempts `grace` seconds, then cancel them and hand them
        back; returns True when all ended by themselves and is written. A second call while the
        first waits means now. Returns within `grace` + 2 seconds, also where the ledger is away,
        and interrupts a start that is under way."""
        return self.service_loop.stop(grace if grace is not None else self.settings.shutdown_grace)

    def _works(self) -> list[Work]:
        carrying: list[Work] = []
        if self.outbox is not None and self.dispatcher.only is None:
            carrying.append(self.outbox.run)
        if self.inbox is not None and self.dispatcher.working and self.dispatcher.only is None:
            carrying.append(self.inbox.run)
        return [
            *carrying,
            self.planner.run,
            self.dispatcher.run,
            self.recorder.run,
            self.timeout_enforcer.run,
            self.log_flusher.run,
            self.heartbeat.run,
            self.reaper.run,
            self.change_poller.run,
            self.pruner.run,
            *([self.verifier.run] if self.dispatcher.only is None else []),
            self.watchdog.run,
            self.task_sync.run,
        ]

    async def _begin(self) -> None:
        for executor in self.executors.values():
            executor.start()
        if self.broker is not None:
            await beside(self.broker.open)
        await self.heartbeat.join()
        with suppress(LedgerError):  # others keep it busy: the reaper's loop tries again
            await self.reaper.reap()
        await self._begin_time()
        await self.task_sync.register_all()
        if self.dispatcher.only is None and self.role in (Role.ALL, Role.SCHEDULER):
            self.ticking.start()
        self.dispatcher.wake.set()
        logger.info(
            "Node %s is up with %d tasks on %s",
            self.identity.name,
            len(self.registry),
            self.ledger.url,
        )

    async def _end(self, grace: float) -> bool:
        self.ticking.stop()
        return await self.ending.run(grace)

    def _tidy(self) -> None:
        closing = threading.Thread(
            target=on_own_thread, args=(self.ledger.close,), name="rota-ledger-close", daemon=True
        )
        closing.start()
        closing.join(TIDYING)  # it may wait for a ledger that does not answer
        output_capture.uninstall()
        flush()

    def _slots(self) -> int:
        """Return how many attempts may run here at once."""
        if not self.dispatcher.working:
            return 0
        return sum(executor.slots for executor in self.executors.values())

    def _let_go(self) -> None:
        """Stop every attempt, and record none of them: their runs are another node's by now.

        What does not stop is listed as stuck, and its task does not start here beside it.
        """
        for flight in list(self.in_flight.by_run.values()):
            flight.executor.stop(flight.call)
            flight.executor.abandon(flight.call)
            self.in_flight.pop(flight.call)
        if self.inbox is not None:
            self.inbox.drop_all()

    # --- between the loops ---

    def _lanes(self) -> dict[str, int]:
        """Return how many runs may be under way here on each lane."""
        queues = self.dispatcher.queues
        if queues is None:
            queues = frozenset(entry.policy.queue for entry in self.registry.entries())
        return {
            f"{queue}.{name}": executor.slots
            for queue in sorted(queues)
            for name, executor in self.executors.items()
        }

    def _is_served(self) -> bool:
        """Say whether the engine is to deliver to this node just now."""
        return self.dispatcher.working and self.dispatcher.accepting and not self.dispatcher.only

    def _changed(self, stored: StoredTask) -> None:
        entry = self.registry.get(stored.record.id)
        if entry is None or stored.revision <= entry.revision:
            return
        if stored.removed_at is not None:
            self.discard(stored.record.id)
        else:
            self.task_sync.lay_over(entry, stored)

    async def _begin_time(self) -> None:
        for clock in (self.machine, self.clock):
            clock.forget()  # only now the ledger's own is known
        now = self.clock.now()
        await self.gateway.until_done(lambda tx: tx.rewind(now))

    def _clock_stepped(self, back_to: Instant | None) -> None:
        self.poke()
        if back_to is not None:
            self._rewinding = asyncio.create_task(self._rewind(back_to))

    async def _rewind(self, now: Instant) -> None:
        await self.task_sync.rewind(now)
        self.poke()

    def _look_at_plan(self) -> None:
        if self.ticking.is_started and self.gateway.trouble is None:
            self.unplanned.look()

    def _cancel_runs(self, runs: Mapping[str, str]) -> None:
        for run_id, reason in runs.items():
            flight = self.in_flight.by_run.get(run_id)
            if flight is not None:
                self.timeout_enforcer.cancel(flight, reason=reason)

    def _info(self) -> dict[str, Any]:
        blocked = self.watchdog.blocked()
        return {
            "born": process_start_token(os.getpid()),
            "clock_ahead": self.clock_ahead,
            "running": len(self.in_flight),
            "tasks": len(self.registry),
            "broken_tasks": broken_tasks(self),
            "tick_age": round(self.ticking.tick_age(), 3),
            "stuck": self.stuck_places(),
            "blocked_loop": blocked and f"{blocked.task_id} at {blocked.place}",
            "unwell": inside.troubles(self)[:MOST_TOLD],
            "only": self.dispatcher.only,
            "role": self.role,
            "tz": triggers.tz_version(),
            "generation": self.generation,
            "queues": None if self.dispatcher.queues is None else sorted(self.dispatcher.queues),
            "at": to_iso(self.clock.now()),
        }
