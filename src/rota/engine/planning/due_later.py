"""Tasks that are due again later: instants of theirs were handed over before their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from rota.core.ports.clock import Clock
from rota.core.time import SECOND, Instant
from rota.scheduling import DueTask


class _Alarm(NamedTuple):
    at: Instant
    until: Instant  # what the task names up to this instant is due then
    timer: asyncio.TimerHandle


class DueLater:
    """Calls `due` for a task when its time has come. One alarm a task is enough: planning the task
    sets the next.
    """

    def __init__(self, clock: Clock, due: Callable[[list[DueTask]], None]) -> None:
        self._clock = clock
        self._due = due
        self._alarms: dict[str, _Alarm] = {}

    def add(self, task_id: str, at: Instant, until: Instant) -> None:
        """Set a task due at an instant, for all that it names up to `until`; called on the service
        loop.
        """
        held = self._alarms.get(task_id)
        if held is not None:
            until = max(until, held.until)
            if held.at <= at:
                self._alarms[task_id] = held._replace(until=until)
                return
            held.timer.cancel()
        wait = max(at - self._clock.now(), 0) / SECOND
        timer = asyncio.get_running_loop().call_later(wait, self._ring, task_id)
        self._alarms[task_id] = _Alarm(at, until, timer)

    def ring_all(self) -> None:
        """Set every task due now: the loop on which the alarms were set is gone."""
        alarms, self._alarms = self._alarms, {}
        for alarm in alarms.values():
            alarm.timer.cancel()
        if alarms:
            self._due([DueTask(task_id, None, one.until) for task_id, one in alarms.items()])

    def _ring(self, task_id: str) -> None:
        alarm = self._alarms.pop(task_id)
        self._due([DueTask(task_id, None, alarm.until)])
