"""The clock of a ledger with many writers: the time of the database.

Nodes whose clocks are 90 seconds apart must agree on what is due. So a node asks the database for
its time every few seconds, and counts from there by its monotonic clock, which no step of the wall
clock moves. While the database is away, it keeps counting.
"""

from __future__ import annotations

from rota.core.ports.clock import Clock
from rota.core.time import SECOND, Instant, seconds

_ASK_AFTER = 3.0  # seconds: a database whose own clock is stepped is noticed within five
_STEP = 1.0


class DatabaseClock:
    """The database's time as this node knows it; until the first answer, the machine's time."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._offset: Instant | None = None  # of the database's time to the monotonic clock
        self._synchronized_at = 0.0
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
        """Return whether to ask again: after a while, and after a step of the wall clock.

        The step itself does no harm. But it may mean that this machine was suspended, and that the
        monotonic clock stopped meanwhile.
        """
        stepped = abs(self._drifted() - self._drift) > _STEP * SECOND
        since = self._machine.monotonic() - self._synchronized_at
        return self._offset is None or since > _ASK_AFTER or stepped

    def synchronize(self, now: Instant, asked: float) -> None:
        """Take the database's time, which was `asked` for at that monotonic second.

        The answer was made at some moment since then. The offset stays as it is if it can still be
        true, so that a slow answer moves nothing. At first the time is rather behind than ahead.
        """
        heard = self._machine.monotonic()
        earliest, latest = now - seconds(heard), now - seconds(asked)
        offset = earliest if self._offset is None else self._offset
        self._offset = min(max(offset, earliest), latest)
        self._synchronized_at, self._drift = heard, self._drifted()

    def _drifted(self) -> Instant:
        return self._machine.now() - seconds(self._machine.monotonic())
