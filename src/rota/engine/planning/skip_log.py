"""Logs occurrences that did not run, once for many: the ledger has each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rota.core.ports.records import PlannedRun
from rota.core.run import State
from rota.core.time import MINUTE, Instant
from rota.logs import queued

logger = queued("rota.planner")

EVERY: Instant = MINUTE
"""How often a task logs why its occurrences do not run, for each reason."""

_Key = tuple[str, State, str]


class SkipLog:
    """Logs the first skipped or missed occurrence of a task and reason, then how many followed: at
    most a line a minute."""

    def __init__(self, say: Callable[..., None] = logger.warning) -> None:
        self._say = say
        self._reported: dict[
            _Key, tuple[Instant, int]
        ] = {}  # when it was logged, and how many since
        self._swept: Instant = 0

    def report(self, written: Iterable[PlannedRun], now: Instant) -> None:
        """Log those of the new rows that will not run."""
        for one in written:
            if one.state in (State.SKIPPED, State.MISSED):
                self._report(one, one.state, now)
        if not 0 <= now - self._swept < EVERY:
            self._swept = now
            self._sweep(now)

    def _report(self, one: PlannedRun, state: State, now: Instant) -> None:
        key = one.task_id, state, one.reason.code or one.reason.text
        reported_at, since = self._reported.get(key, (None, 0))
        if reported_at is not None and 0 <= now - reported_at < EVERY:
            self._reported[key] = reported_at, since + 1
            return
        self._reported[key] = now, 0
        more = f" (and {since} more since the last line)" if since else ""
        self._say("%s %s: %s%s", one.task_id, state, one.reason.text, more)

    def _sweep(self, now: Instant) -> None:
        """Log what was counted in stretches that are over, and forget these."""
        for key, (reported_at, since) in list(self._reported.items()):
            if not 0 <= now - reported_at < EVERY:
                del self._reported[key]
                if since:
                    self._say("%s %s: %s more (%s)", key[0], key[1], since, key[2])
