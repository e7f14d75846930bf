"""The time of leases: where a database has many writers, it is the database's, not the nodes'.

Two nodes whose clocks are 90 seconds apart must not take each other for dead. So a node asks the
database for its time when it connects, and counts on from there by its monotonic clock, which
no step of the wall clock moves. What others read of a lease is told in their own time again.
"""

from __future__ import annotations

from sqlalchemy import Connection

from rota.core.instants import SECOND, Instant
from rota.core.ports import Clock

CLOCK = "rota_lease_clock"
"""Under this key a connection's `info` has the LeaseClock, where the database has many writers."""

_HOUR = 3600.0  # seconds; two clocks drift apart by less than a second meanwhile
_STEP = 1.0


class LeaseClock:
    """The database's time, as this node can tell it; set at first use and where it is stale."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: tuple[Instant, Instant, float] | None = None

    def set(self, now: Instant) -> None:
        """Take over what time it is in the database."""
        self._set = now, self._clock.now(), self._clock.monotonic()

    def is_stale(self) -> bool:
        """Say whether to set it: after an hour, and when wall and monotonic clock disagree.

        They do after a step of the wall clock, which does no harm, and after this machine was
        suspended, when the monotonic clock stood still.
        """
        if self._set is None:
            return True
        _, wall, monotonic = self._set
        passed = self._clock.monotonic() - monotonic
        step = (self._clock.now() - wall) / SECOND - passed
        return passed > _HOUR or abs(step) > _STEP

    def now(self) -> Instant:
        """Return the database's time."""
        if self._set is None:
            return self._clock.now()
        now, _, monotonic = self._set
        return now + round((self._clock.monotonic() - monotonic) * SECOND)

    def ahead(self) -> int:
        """Return by how much the database's time is ahead of this node's wall clock."""
        return self.now() - self._clock.now()


def time_of_leases(connection: Connection, now: Instant) -> Instant:
    """Return the time that leases are compared with when this node's clock shows `now`."""
    clock: LeaseClock | None = connection.info.get(CLOCK)
    return now if clock is None else clock.now()


def ahead(connection: Connection) -> int:
    """Return by how much the time of leases is ahead of this node's clock."""
    clock: LeaseClock | None = connection.info.get(CLOCK)
    return 0 if clock is None else clock.ahead()
