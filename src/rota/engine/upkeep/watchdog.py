"""Names problems inside this process: a blocked task loop, a late tick, a clock step."""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

from rota.core.time import seconds
from rota.diagnosis import thresholds
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest
from rota.engine.health.unplanned import UnplannedCheck
from rota.executors import stack_location
from rota.logs import queued
from rota.runtime.cadence import BEAT, until_beat

logger = queued("rota.watchdog")

LOOKED_BACK = 5.0
"""Seconds within which a step of the clock is seen: it began at most so long ago."""


class Blockable(Protocol):
    """An executor whose loop user code can block."""

    def blocked(self) -> Blocked | None:
        """Return what blocks it, if anything does."""


class Blocked(Protocol):
    """What blocks a loop."""

    @property
    def seconds(self) -> float:
        """Return for how long."""

    @property
    def task_id(self) -> str | None:
        """Return the task that holds it."""

    @property
    def place(self) -> str:
        """Return its position in the code: "file:line in function"."""


class Watchdog:
    """Checks four times a second; every finding is logged once and shown by `findings`."""

    def __init__(self, context: NodeContext, loop: Blockable, unplanned: UnplannedCheck) -> None:
        self._clock = clock = context.clock
        # If there is one clock only, it is the wall clock.
        self._names = {clock: "The database's clock", context.machine: "The wall clock"}
        self._signals = context.signals
        self._loop = loop
        self._unplanned = unplanned
        self._blocked_place: str | None = None
        self._looked_at = clock.monotonic()
        self.steps = 0  # steps of a clock of which the signals were sent
        self.frozen: str | None = None  # the last time that the whole interpreter was suspended

    def blocked(self) -> Blocked | None:
        """Return what blocks the task loop right now."""
        return self._loop.blocked()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        self._looked_at = self._clock.monotonic()
        while True:
            await rest(until_beat(loop.time()))
            self.turn()

    def turn(self) -> None:
        """Look once."""
        before = self._looked_at
        self._look_at_interpreter()
        self._look_at_clocks(before)
        self._look_at_loop()
        self._unplanned.check()

    def _look_at_interpreter(self) -> None:
        now = self._clock.monotonic()
        stood = now - self._looked_at - BEAT
        self._looked_at = now
        if stood > thresholds.INTERPRETER_STOOD:
            meanwhile = "; ".join(self._at_work()) or "no function of a task"
            self.frozen = f"the whole interpreter stood still for {stood:.1f} s"
            logger.error(
                "%s: the machine was suspended, or a function held the interpreter lock;"
                ' executor="process" keeps such a function apart. At work meanwhile: %s',
                self.frozen,
                meanwhile,
            )

    def _at_work(self) -> list[str]:
        """Return the names of the task functions that hold a thread now, with each one's position
        in the code.
        """
        blocked = self._loop.blocked()
        found = [f"{blocked.task_id} at {blocked.place}"] if blocked else []
        for thread in threading.enumerate():
            pool, _, task_id = thread.name.partition(" [")
            if task_id and pool.startswith("rota-thread"):
                found.append(
                    f"{task_id.removesuffix(']')} at {stack_location.of_thread(thread.ident)}"
                )
        return found

    def _look_at_clocks(self, before: float) -> None:
        """Tell the others of steps since the look `before`, in monotonic seconds."""
        steps = {clock: clock.step() for clock in self._names}
        if not any(steps.values()):
            return
        # Read at once, and the monotonic clock last: what takes long from here on, or in between,
        # must not move the instant past an occurrence.
        now = self._clock.now()
        since = seconds(min(self._clock.monotonic() - before, LOOKED_BACK))
        for clock, step in steps.items():
            if step:
                logger.warning("%s stepped by %+.1f s", self._names[clock], step)
        self._signals.look_again.send()
        if steps[self._clock] < 0:
            self._signals.clock_set_back.send(now - since)
        self.steps += 1

    def _look_at_loop(self) -> None:
        blocked = self._loop.blocked()
        if blocked is None:
            self._blocked_place = None
        elif blocked.place != self._blocked_place:
            self._blocked_place = blocked.place
            logger.error(
                "The task loop has been blocked for %.1f s by %s at %s; await there,"
                ' make the function a plain one, or give it executor="process"',
                blocked.seconds,
                blocked.task_id or "a callback",
                blocked.place,
            )
