"""Registers the tasks that this node knows in the ledger, and takes over what the ledger says of
them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import StoredTask
from rota.core.time import Instant
from rota.engine.context import NodeContext
from rota.engine.planning.task_registry import RegisteredTask, records
from rota.engine.planning.window_sync import WindowSync
from rota.engine.wake import Wake
from rota.runtime.daemon_threads import run_in_thread
from rota.scheduling import TickingClock

BATCH = 2_000
"""Tasks that are written at once."""


class TaskSync:
    """Registers added tasks in batches, and then adds them to the clock from `planned_until` on."""

    def __init__(
        self, context: NodeContext, ticking: TickingClock, windows: WindowSync | None = None
    ) -> None:
        self.windows = windows or WindowSync(context)
        self._clock = context.clock
        self._registry = context.registry
        self._gateway = context.gateway
        self._signals = context.signals
        self._ticking = ticking
        self._added: deque[RegisteredTask] = deque()
        self._early: dict[str, StoredTask] = {}  # changes of tasks that are being registered
        self._one_at_a_time = asyncio.Lock()
        self._rewinding: asyncio.Task[None] | None = None  # kept so that it is not collected
        self.wake = Wake()
        context.signals.task_changed.connect(self.take_over)
        context.signals.clock_set_back.connect(self._rewind_later)

    def add(self, entry: RegisteredTask) -> None:
        """Note an added task; called from any thread."""
        self._added.append(entry)
        self.wake.set()

    async def run(self) -> None:
        """Register until cancelled."""
        while True:
            await self.wake.wait()
            await self.register_added()

    async def register_all(self) -> None:
        """Register every task of the registry in one transaction; raises LedgerError.

        Batch by batch within it, each applied before the next is made: of 100,000 tasks, what the
        ledger returns is never in memory at once.
        """
        self._added.clear()
        self._one_at_a_time = asyncio.Lock()  # of this loop: the last one's is gone
        entries, now = self._registry.entries(), self._clock.now()

        def register(tx: Transaction) -> int:
            revision = -1
            for first in range(0, len(entries), BATCH):
                batch = entries[first : first + BATCH]
                stored = tx.register(records(batch), now)
                revision = max(revision, *(task.revision for task in stored.values()))
                for entry in batch:
                    entry.known_since = now
                    self.lay_over(entry, stored[entry.definition.id])
            return revision

        # This is the state of every task that this node knows, so only later changes are news.
        self._registry.revision = await self._gateway.until_done(register)

    async def register_added(self) -> None:
        """Register what was added, and return when that and any registration in progress is
        durable.
        """
        async with self._one_at_a_time:
            while self._added:
                await self._register([self._added.popleft() for _ in range(len(self._added))])

    def discard(self, task_id: str) -> None:
        """Forget a task on this node; its rows in the ledger stay."""
        self._registry.discard(task_id)
        self._early.pop(task_id, None)
        self._ticking.discard(task_id)

    def take_over(self, stored: StoredTask) -> None:
        """Take a newer revision of a task that this node knows, or its removal."""
        entry = self._registry.get(stored.record.id)
        if entry is None or stored.revision <= entry.revision:
            return
        if entry.revision < 0:  # what the ledger says of other code, or what follows on this
            self._early[stored.record.id] = stored
            return
        if stored.removed_at is not None:
            self.discard(stored.record.id)
            return
        windows = entry.windows
        self.lay_over(entry, stored)
        if entry.windows != windows:  # its tags were edited
            self._signals.delays_outdated.send()

    def lay_over(self, entry: RegisteredTask, stored: StoredTask) -> None:
        """Apply what the ledger knows of a task, unless something newer was applied before."""
        if stored.revision < entry.revision:
            return
        entry.lay_over(stored, self._clock.now())
        self._ticking.put(entry.definition.id, entry.trigger, entry.due_after)

    async def rewind(self, now: Instant) -> None:
        """Plan from `now` on, here and in the ledger: the clock was ahead. What has a row keeps
        it, so nothing is repeated."""
        for index, entry in enumerate(self._registry.entries()):
            entry.rewind(now)
            task_id, after = entry.definition.id, entry.due_after
            if self._ticking.next_of(task_id) != entry.trigger.next_after(after):
                self._ticking.put(task_id, entry.trigger, after)
            if index % BATCH == BATCH - 1:
                await asyncio.sleep(0)  # other loops on this thread have leases to renew
        await self._gateway.until_done(lambda tx: tx.rewind(now))

    def _rewind_later(self, now: Instant) -> None:
        async def rewind() -> None:
            await self.rewind(now)
            self._signals.look_again.send()

        self._rewinding = asyncio.get_running_loop().create_task(rewind())

    async def _register(self, entries: Sequence[RegisteredTask]) -> None:
        now = self._clock.now()
        rows = await run_in_thread(lambda: records(entries))
        stored = await self._gateway.until_done(lambda tx: tx.register(rows, now))
        for entry in entries:
            task_id = entry.definition.id
            if self._registry.get(task_id) is entry:
                entry.known_since = now
                self.lay_over(entry, stored[task_id])
                if (later := self._early.pop(task_id, None)) is not None:
                    self.take_over(later)
        if self._registry.windows:
            self._signals.delays_outdated.send()
