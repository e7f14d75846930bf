"""The one place that reads the machine's clocks."""

from __future__ import annotations

import time

from rota.core.time import Instant


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> Instant:
        """Return the wall clock's instant."""
        return time.time_ns() // 1000

    monotonic = staticmethod(time.monotonic)
    """Return seconds that never decrease, from an arbitrary start."""
