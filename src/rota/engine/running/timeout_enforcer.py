"""Ends attempts that take too long, or that somebody wants ended, whatever they are doing."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports.clock import Clock
from rota.core.ports.executor import AttemptSpec
from rota.engine.running.in_flight import InFlightRun, InFlightRuns
from rota.engine.wake import Wake
from rota.logs import queued

logger = queued("rota.runner")

TIMEOUT_GRACE = 1.0
"""Seconds between telling an attempt that its time is up and giving it up."""

CANCEL_GRACE = 5.0
"""Seconds that a cancelled attempt gets to tidy up before it is given up."""

SPARE = 1_000
"""Deadlines of attempts that have ended that are kept beside as many as are under way."""


class TimeoutEnforcer:
    """First tells an attempt to stop, then, when it does not, gives it up.

    Runs on the service loop, which user code cannot block, so a deadline holds even while an
    attempt blocks the task loop.
    """

    def __init__(
        self,
        clock: Clock,
        in_flight: InFlightRuns,
        ended: Callable[[AttemptSpec, Outcome], None],
        *,
        gave_up: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._flights = in_flight
        self._ended = ended
        self._gave_up = gave_up
        self._heap: list[tuple[float, str, int]] = []
        self._wake = Wake()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def wake(self) -> Wake:
        """Return the signal that the earliest deadline changed."""
        return self._wake

    def add(self, in_flight: Iterable[InFlightRun]) -> None:
        """Watch attempts; once more where their deadline has moved."""
        earliest = self._heap[0] if self._heap else None
        for flight in in_flight:
            claim = flight.claim
            heapq.heappush(self._heap, (flight.deadline, claim.run_id, claim.fence))
        if self._heap and self._heap[0] is not earliest:
            self._wake.set()
        if len(self._heap) > 2 * len(self._flights) + SPARE:
            self._forget_ended()

    def cancel(
        self, flight: InFlightRun, *, reason: str | None, handed_back: str | None = None
    ) -> None:
        """Tell an attempt to stop because somebody asked, or because it is handed back."""
        if flight.cancel_reason is None:
            flight.cancel_reason = reason
        if flight.handed_back is None:
            flight.handed_back = handed_back
        if flight.stopped_at is None:
            self._stop(flight, CANCEL_GRACE)

    def give_up(self, flight: InFlightRun) -> None:
        """End an attempt here and now, whether it obeys or not."""
        stopped_at = flight.stopped_at or self._clock.monotonic()
        flight.executor.abandon(flight.call)
        logger.error(
            "%s: attempt %d of run %s did not stop within %.1f s and is given up",
            flight.claim.task_id,
            flight.claim.attempt,
            flight.claim.run_id,
            self._clock.monotonic() - stopped_at,
        )
        self._gave_up()
        self._ended(flight.call, Outcome(OutcomeKind.CANCELLED))

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            wait = self._heap[0][0] - self._clock.monotonic() if self._heap else None
            if wait is None or wait > 0:
                await self._wake.wait(wait)
                continue
            _, run_id, fence = heapq.heappop(self._heap)
            flight = self._flight(run_id, fence)
            if flight is not None:
                try:
                    self._expire(flight)
                except Exception:  # the others have deadlines too
                    logger.exception("Run %s cannot be told to stop", run_id)

    def _expire(self, flight: InFlightRun) -> None:
        if flight.stopped_at is None:
            flight.timed_out = True
            self._stop(flight, TIMEOUT_GRACE)
        elif self._clock.monotonic() >= flight.deadline:
            self.give_up(flight)

    def _stop(self, flight: InFlightRun, grace: float) -> None:
        flight.stopped_at = self._clock.monotonic()
        flight.deadline = flight.stopped_at + grace
        self.add([flight])
        flight.executor.stop(flight.call)

    def _forget_ended(self) -> None:
        """Drop what has ended long before its time was up: of short runs that is nearly all."""
        self._heap = [one for one in self._heap if self._flight(one[1], one[2]) is not None]
        heapq.heapify(self._heap)

    def _flight(self, run_id: str, fence: int) -> InFlightRun | None:
        flight = self._flights.by_run.get(run_id)
        return flight if flight is not None and flight.claim.fence == fence else None
