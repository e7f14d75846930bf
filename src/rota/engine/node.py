"""The engine of one node: its loops, started in order and stopped in order."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from rota.core.audit import Actor
from rota.core.ids import RunIds
from rota.core.ports.broker import Broker
from rota.core.ports.clock import Clock
from rota.core.ports.executor import Executor
from rota.core.ports.ledger import Ledger
from rota.core.role import Role
from rota.core.run import FINAL
from rota.core.task import TaskDefinition
from rota.core.time import SECOND
from rota.engine.context import node_context
from rota.engine.event_loop import TIDYING, EngineLoop, ServiceLoop
from rota.engine.health.delivery import Delivery
from rota.engine.health.unplanned import UnplannedCheck
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.membership.node_info import describe, describe_health
from rota.engine.membership.reaper import Reaper
from rota.engine.membership.shutdown import Shutdown
from rota.engine.planning.manual_starts import ManualStart
from rota.engine.planning.planner import Planner
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.planning.task_sync import TaskSync
from rota.engine.planning.window_sync import WindowSync
from rota.engine.running.capacity import Capacity
from rota.engine.running.claim_rules import ClaimRules
from rota.engine.running.dispatcher import Dispatcher
from rota.engine.running.inbox import Inbox
from rota.engine.running.launcher import Launcher
from rota.engine.running.limits import TaskLimits
from rota.engine.running.log_flusher import LogFlusher
from rota.engine.running.outbox import Outbox
from rota.engine.running.recorder import Recorder
from rota.engine.running.stuck_attempts import StuckAttempts
from rota.engine.running.timeout_enforcer import TimeoutEnforcer
from rota.engine.settings import Settings
from rota.engine.upkeep.change_poller import ChangePoller
from rota.engine.upkeep.pruner import Pruner
from rota.engine.upkeep.verifier import Verifier
from rota.engine.upkeep.watchdog import Blockable, Watchdog
from rota.errors import LedgerError
from rota.runtime import gc_control
from rota.runtime.daemon_threads import run_in_thread
from rota.runtime.engine_threads import on_own_thread, own_thread
from rota.runtime.log_queue import flush, queued
from rota.scheduling import TickingClock
from rota.task_api import output_capture

logger = queued("rota.node")


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
        """Follow the ledger's clock, which may be the `machine`'s or not."""
        self.settings, self.broker, self.executors = settings, engine, executors
        self.ids, self.role = RunIds(), Role.ALL
        self.context = context = node_context(
            ledger, machine, self.ids, name=settings.node_name, version=settings.version
        )
        self.clock, self.machine, self.ledger = context.clock, context.machine, context.ledger
        self.gateway, self.identity = context.gateway, context.identity
        self.registry, self.in_flight = context.registry, context.in_flight
        # What the loops share.
        self.capacity = capacity = Capacity(context, executors, settings.queues)
        self.stuck = stuck = StuckAttempts(executors.values())
        self.ticking = ticking = TickingClock(context.clock, context.signals.tasks_due.send)
        self.delivery = Delivery(context, capacity)
        limits = TaskLimits(context.registry, settings.groups)
        # The loops, each after those that it uses; what a later one hears is a signal.
        self.heartbeat = heartbeat = Heartbeat(context, capacity, lease=settings.lease_seconds)
        self.reaper = Reaper(context, heartbeat, stuck, every=settings.lease_seconds / 5)
        self.timeout_enforcer = enforcer = TimeoutEnforcer(context)
        self.recorder = recorder = Recorder(context)
        self.log_flusher = flusher = LogFlusher(context)
        self.outbox, self.inbox = None, None
        if engine is not None:
            self.outbox = Outbox(context, engine, limits, self.delivery, self.reaper.queues)
            self.inbox = Inbox(context, engine, capacity, self.delivery)
        rules = ClaimRules(context, capacity, stuck, limits)
        launcher = Launcher(context, executors, heartbeat, log_limit=settings.run_log_limit)
        self.dispatcher = dispatcher = Dispatcher(
            context, capacity, rules, launcher, heartbeat, outbox=self.outbox, inbox=self.inbox
        )
        self.planner = planner = Planner(context, self.ids, dispatcher, stuck, outbox=self.outbox)
        self.task_sync = TaskSync(context, ticking, WindowSync(context, settings.windows))
        self.change_poller = ChangePoller(context)
        self.pruner = Pruner(context, days=settings.retention_days)
        self.verifier = Verifier(context, heartbeat, self.ids)
        self.unplanned = UnplannedCheck(context, ticking, planner)
        self.watchdog = Watchdog(context, loop, self.unplanned)
        self.ending = ending = Shutdown(
            context, capacity, heartbeat, planner, enforcer, recorder, flusher, self.inbox
        )
        self.service_loop = ServiceLoop(
            begin=self._begin,
            loops=self._loops,
            end=self._end,
            end_now=ending.end_now,
            tidy=self._tidy,
        )
        context.signals.look_again.connect(ticking.wakeup)
        context.signals.beat_prepared.connect(partial(describe, self))
        context.signals.beat_prepared.connect(partial(describe_health, self))

    # --- tasks ---

    @property
    def is_running(self) -> bool:
        """Return whether it was started and not stopped."""
        return self.service_loop.is_up

    def add(self, definition: TaskDefinition) -> RegisteredTask:
        """Add a task, in place of one with the same id; raises TriggerError."""
        entry = RegisteredTask(definition, self.clock.now(), self.registry.windows)
        before = self.registry.get(definition.id)
        if before is not None:
            entry.follow(before)
        self.registry.put(entry)
        if self.is_running:
            self.task_sync.add(entry)
        return entry

    def discard(self, task_id: str) -> None:
        """Remove a task; its rows in the ledger are the caller's."""
        self.task_sync.discard(task_id)

    def settle_registrations(self) -> None:
        """Wait until every task that was added is in the ledger; raises LedgerError."""
        if self.service_loop.takes_calls:
            self.service_loop.call(self.task_sync.register_added)

    @property
    def clock_ahead(self) -> float | None:
        """Return by how many seconds the machine's clock is ahead of the ledger's, if the ledger
        has one of its own.
        """
        if self.machine is self.clock:
            return None
        return round((self.machine.now() - self.clock.now()) / SECOND, 3)

    def stuck_places(self) -> dict[str, str]:
        """Return task id → place of the attempts that did not stop and are still running."""
        return self.stuck.here()

    def poke(self) -> None:
        """Wake every loop at once: the clock was moved, or something was written."""
        self.context.signals.look_again.send()

    def start_manually(
        self, entry: RegisteredTask, starts: Sequence[ManualStart], by: Actor
    ) -> list[str]:
        """Start a known task as often as asked; returns the runs' ids when they are durable; raises
        LedgerError, or StateError if the node is not running.
        """
        return self.service_loop.call(lambda: self.planner.start_manually(entry, starts, by))

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
        """Join the nodes and begin; returns when that is done; raises LedgerError.

        With `only`, it plans nothing and claims nothing but the runs of that task; otherwise it
        does what its role says. If the wait is interrupted, the start continues until `stop` is
        called.
        """
        if self.service_loop.is_up:
            return
        self.role = role
        self.capacity.only = only
        self.capacity.working = only is not None or role in (Role.ALL, Role.WORKER)
        with own_thread():
            self.ledger.open()
        output_capture.install()
        self.capacity.accepting = self.heartbeat.beating = True
        self.capacity.drained = False
        try:
            self.service_loop.start()
        except Exception:
            self.stop()
            raise
        gc_control.spare(self.settings.gc_freeze)

    def stop(self, grace: float | None = None) -> bool:
        """Stop claiming, give running attempts `grace` seconds, then cancel them and hand them
        back; returns True when all ended by themselves and everything is written. A second call
        while the first waits means now. Returns within `grace` + 2 seconds, even if the ledger is
        unavailable, and interrupts a start in progress.
        """
        return self.service_loop.stop(grace if grace is not None else self.settings.shutdown_grace)

    def _loops(self) -> list[EngineLoop]:
        """Return the loops to run, by what the node was started for."""
        loops: list[EngineLoop] = []
        if self.outbox is not None and self.capacity.only is None:
            loops.append(self.outbox)
        if self.inbox is not None and self.capacity.working and self.capacity.only is None:
            loops.append(self.inbox)
        loops += [
            self.planner,
            self.dispatcher,
            self.recorder,
            self.timeout_enforcer,
            self.log_flusher,
            self.heartbeat,
            self.reaper,
            self.change_poller,
            self.pruner,
            self.watchdog,
            self.task_sync,
        ]
        if self.capacity.only is None:
            loops.append(self.verifier)
        return loops

    async def _begin(self) -> None:
        for executor in self.executors.values():
            executor.start()
        if self.broker is not None:
            await run_in_thread(self.broker.open)
        await self.heartbeat.join()
        with suppress(LedgerError):  # the ledger is busy: the reaper's loop tries again
            await self.reaper.reap()
        await self._begin_time()
        await self.task_sync.windows.begin()
        await self.task_sync.register_all()
        await self.task_sync.windows.move_delayed()
        if self.capacity.only is None and self.role in (Role.ALL, Role.SCHEDULER):
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

    async def _begin_time(self) -> None:
        for clock in (self.machine, self.clock):
            clock.forget()  # only now the ledger's own is known
        now = self.clock.now()
        await self.gateway.until_done(lambda tx: tx.rewind(now))
