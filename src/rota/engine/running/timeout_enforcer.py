"""Ends attempts that exceed their timeout, or whose cancellation was requested, whatever they are
doing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from rota.core.outcome import Outcome, OutcomeKind
from rota.engine.context import NodeContext
from rota.engine.running.in_flight import InFlightRun
from rota.engine.wake import Wake
from rota.logs import queued

logger = queued("rota.runner")

TIMEOUT_GRACE = 1.0
"""Seconds between asking an attempt to stop at its timeout and giving it up."""

CANCEL_GRACE = 5.0
"""Seconds that a cancelled attempt gets to clean up before it is given up."""

SPARE = 1_000
"""Deadlines of ended attempts that are kept, in addition to as many as are in progress."""


class TimeoutEnforcer:
    """Asks an attempt to stop, and gives it up if it does not.

    Runs on the service loop, which user code cannot block, so a deadline holds even while an
    attempt blocks the task loop.
    """

    def __init__(self, context: NodeContext) -> None:
        self._clock = context.clock
        self._in_flight = context.in_flight
        self._signals = context.signals
        self._heap: list[tuple[float, str, int]] = []
        self.wake = Wake()
        """Set when the earliest deadline changed."""
        context.signals.attempts_taken.connect(self.add)
        context.signals.cancellations_requested.connect(self.cancel_runs)
        context.signals.declared_gone.connect(self.let_go)
        context.signals.look_again.connect(self.wake.set)

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, in_flight: Iterable[InFlightRun]) -> None:
        """Watch attempts; called again if their deadline has moved."""
        earliest = self._heap[0] if self._heap else None
        for flight in in_flight:
            claim = flight.claim
            heapq.heappush(self._heap, (flight.deadline, claim.run_id, claim.fence))
        if self._heap and self._heap[0] is not earliest:
            self.wake.set()
        if len(self._heap) > 2 * len(self._in_flight) + SPARE:
            self._forget_ended()

    def cancel(
        self, flight: InFlightRun, *, reason: str | None, handed_back: str | None = None
    ) -> None:
        """Ask an attempt to stop because its cancellation was requested, or because it is handed
        back.
        """
        if flight.cancel_reason is None:
            flight.cancel_reason = reason
        if flight.handed_back is None:
            flight.handed_back = handed_back
        if flight.stopped_at is None:
            self._stop(flight, CANCEL_GRACE)

    def cancel_runs(self, runs: Mapping[str, str]) -> None:
        """Cancel those of the runs that are on this node: run id → reason."""
        for run_id, reason in runs.items():
            flight = self._in_flight.by_run.get(run_id)
            if flight is not None:
                self.cancel(flight, reason=reason)

    def let_go(self) -> None:
        """Stop every attempt and record none of them: other nodes own their runs by now.

        Attempts that do not stop are listed as stuck, and their task does not start here meanwhile.
        """
        for flight in list(self._in_flight.by_run.values()):
            self._in_flight.pop(flight.call)
            try:
                flight.executor.stop(flight.call)
                flight.executor.abandon(flight.call)
            except Exception:  # the other runs are not this node's either
                logger.exception("Run %s cannot be stopped", flight.claim.run_id)

    def give_up(self, flight: InFlightRun) -> None:
        """End an attempt immediately, whether it stops or not."""
        stopped_at = flight.stopped_at or self._clock.monotonic()
        flight.executor.abandon(flight.call)
        logger.error(
            "%s: attempt %d of run %s did not stop within %.1f s and is given up",
            flight.claim.task_id,
            flight.claim.attempt,
            flight.claim.run_id,
            self._clock.monotonic() - stopped_at,
        )
        self._signals.attempt_given_up.send(flight)
        self._signals.attempt_ended.send(flight.call, Outcome(OutcomeKind.CANCELLED))

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            wait = self._heap[0][0] - self._clock.monotonic() if self._heap else None
            if wait is None or wait > 0:
                await self.wake.wait(wait)
                continue
            _, run_id, fence = heapq.heappop(self._heap)
            flight = self._flight(run_id, fence)
            if flight is not None:
                try:
                    self._expire(flight)
                except Exception:  # the others have deadlines too
                    logger.exception("Run %s cannot be stopped", run_id)

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
        """Forget attempts that ended long before their deadline: of short runs, nearly all."""
        self._heap = [one for one in self._heap if self._flight(one[1], one[2]) is not None]
        heapq.heapify(self._heap)

    def _flight(self, run_id: str, fence: int) -> InFlightRun | None:
        flight = self._in_flight.by_run.get(run_id)
        return flight if flight is not None and flight.claim.fence == fence else None
