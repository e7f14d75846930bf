"""Names what goes wrong inside this process: a blocked task loop, a late tick, a clock step."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Protocol

from rota.core.ports import Clock
from rota.executors import places

logger = logging.getLogger("rota.watchdog")

EVERY = 0.25
STOOD_STILL = 1.0
"""Seconds without a turn for this thread, after which the interpreter as a whole was held up."""

STEP = 1.0
"""Seconds by which wall clock and monotonic clock may drift apart between two looks."""


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
        """Return where it stands: "file:line in function"."""


class Watchdog:
    """Looks four times a second; every finding is logged once and shown by `findings`."""

    def __init__(
        self,
        *,
        clock: Clock,
        loop: Blockable,
        clock_stepped: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._clock_stepped = clock_stepped
        self._offset = self._drift()
        self._blocked_place: str | None = None
        self._looked_at = clock.monotonic()
        self.frozen: str | None = None  # the last time the whole interpreter stood still

    def blocked(self) -> Blocked | None:
        """Return what blocks the task loop right now."""
        return self._loop.blocked()

    async def run(self) -> None:
        """Look for ever."""
        self._looked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(EVERY)
            self._look_at_interpreter()
            self._look_at_clock()
            self._look_at_loop()

    def _look_at_interpreter(self) -> None:
        now = self._clock.monotonic()
        stood = now - self._looked_at - EVERY
        self._looked_at = now
        if stood > STOOD_STILL:
            meanwhile = "; ".join(self._at_work()) or "no function of a task"
            self.frozen = f"the whole interpreter stood still for {stood:.1f} s"
            logger.error(
                "%s: the machine was suspended, or a function held the interpreter lock;"
                ' executor="process" keeps such a function apart. At work meanwhile: %s',
                self.frozen,
                meanwhile,
            )

    def _at_work(self) -> list[str]:
        """Name the task functions that hold a thread now, and where each one stands."""
        blocked = self._loop.blocked()
        found = [f"{blocked.task_id} at {blocked.place}"] if blocked else []
        for thread in threading.enumerate():
            pool, _, task_id = thread.name.partition(" [")
            if task_id and pool.startswith("rota-thread"):
                found.append(f"{task_id.removesuffix(']')} at {places.of_thread(thread.ident)}")
        return found

    def _look_at_clock(self) -> None:
        offset = self._drift()
        step, self._offset = offset - self._offset, offset
        if abs(step) > STEP:
            logger.warning("The wall clock stepped by %+.1f s", step)
            self._clock_stepped()

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

    def _drift(self) -> float:
        return self._clock.now() / 1e6 - self._clock.monotonic()
