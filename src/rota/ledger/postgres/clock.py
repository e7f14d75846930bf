"""The time of a ledger that has one: where a database has many writers, it is the database's.

Nodes whose clocks are 90 seconds apart must agree on what is due. So a node asks the database
for its time every few seconds, and counts on from there by its monotonic clock, which no step of
the wall clock moves. While the database is away, it goes on like that.
"""

from __future__ import annotations

from rota.core.ports.clock import Clock
from rota.core.time import SECOND, Instant, seconds

_ASK_AFTER = 3.0  # seconds: a database whose own clock is stepped is noticed within five
_STEP = 1.0


class DatabaseClock:
    """The database's time, as this node can tell it; the machine's until it was first told."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._offset: Instant | None = None  # of the database's time to the monotonic clock
        self._told_at = 0.0
        self._drift: Instant = 0

    def now(self) -> Instant:
        """Return the database's time."""
        if self._offset is None:
            return self._machine.now()
        return self._offset + seconds(self._machine.monotonic())

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._machine.monotonic()

    def is_stale(self) -> bool:
        """Say whether to ask again: after a while, and where the wall clock was stepped.

        The step itself does no harm, but it may be that this machine was suspended: then the
        monotonic clock stood still.
        """
        stepped = abs(self._drifted() - self._drift) > _STEP * SECOND
        since = self._machine.monotonic() - self._told_at
        return self._offset is None or since > _ASK_AFTER or stepped

    def tell(self, now: Instant, asked: float) -> None:
        """Take what time it is in the database, which was `asked` at that monotonic second.

        The answer was made at some moment since then. What is counted here stays where it can be
        true, so that a slow answer moves nothing; at first, it is rather behind than ahead.
        """
        heard = self._machine.monotonic()
        earliest, latest = now - seconds(heard), now - seconds(asked)
        offset = earliest if self._offset is None else self._offset
        self._offset = min(max(offset, earliest), latest)
        self._told_at, self._drift = heard, self._drifted()

    def _drifted(self) -> Instant:
        return self._machine.now() - seconds(self._machine.monotonic())
