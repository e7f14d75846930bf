"""Follows the maintenance windows that are opened and closed manually, on any node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from rota.core.ports.records import NewRun
from rota.core.ports.windows import DelayedRun, DelayedStart, OpenedWindow
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.time import to_iso
from rota.engine.context import NodeContext
from rota.engine.ledger_gateway import FIRST_PAUSE
from rota.errors import LedgerError
from rota.logs import queued
from rota.runtime.daemon_threads import run_in_thread
from rota.triggers.calendars.windows import MaintenanceWindow

logger = queued("rota.node")

CLOSED = "the window that it waited for is over"


class WindowSync:
    """Takes over the windows that the ledger has, and gives the runs that wait for the end of a
    window another start when that end has moved."""

    def __init__(self, context: NodeContext, planned: Sequence[MaintenanceWindow] = ()) -> None:
        """Take the windows that the configuration plans."""
        context.registry.plan_windows(planned)
        self._clock = context.clock
        self._history = context.ledger.history
        self._registry = context.registry
        self._gateway = context.gateway
        self._signals = context.signals
        self._moving: set[asyncio.Task[None]] = set()  # kept so that none is collected
        context.signals.windows_read.connect(self.take_over)
        context.signals.delays_outdated.connect(self._move_later)

    async def begin(self) -> None:
        """Take over the windows before any task is planned."""
        self._moving.clear()
        while True:
            try:
                self._registry.take_windows(await run_in_thread(self._history.windows))
            except LedgerError as error:
                logger.debug("Could not read the windows: %s", error)
                await asyncio.sleep(FIRST_PAUSE)
            else:
                return

    def take_over(self, opened: Sequence[OpenedWindow]) -> None:
        """Take the windows that the ledger has now."""
        if self._registry.take_windows(opened):
            self._move_later()

    async def move_delayed(self) -> None:
        """Write the new start of each run whose window ends at another time than was written."""
        opened = self._registry.opened
        try:
            delayed = await run_in_thread(self._history.delayed)
            starts = list(self._new_starts(delayed))
            if starts:
                await self._gateway.until_done(lambda tx: tx.move_delayed(starts, opened))
        except LedgerError as error:
            logger.warning("Could not move the runs that wait for a window: %s", error)
            await self._gateway.until_back()
            self._move_later()
            return
        if starts:
            self._signals.runs_available.send(None)

    def _new_starts(self, delayed: Iterable[DelayedRun]) -> Iterator[DelayedStart]:
        for run in delayed:
            entry = self._registry.get(run.task_id)
            if entry is None:
                continue
            end = entry.windows.starts_at(run.fire_time)
            start = run.fire_time if end is None else end
            if start == run.available_at:
                continue
            waits = start > self._clock.now()
            text = f"it waits for the end of a window, {to_iso(start)}" if waits else CLOSED
            yield DelayedStart(run.id, start, text)

    def _move_later(self) -> None:
        task = asyncio.get_running_loop().create_task(self.move_delayed())
        self._moving.add(task)
        task.add_done_callback(self._moving.discard)


def is_delayed(run: NewRun) -> bool:
    """Return whether a new run waits for the end of a window."""
    return run.state is State.SCHEDULED and run.reason.code is ReasonCode.WINDOW
