"""Plain functions, in threads of our own."""

from __future__ import annotations

from rota.core.outcome import Outcome
from rota.current import enter
from rota.executors import places
from rota.executors.awaitables import awaited
from rota.executors.pool import Pool, Queue, Seat, SeatedAttempt


class ThreadExecutor(Pool):
    """Runs plain functions in daemon threads; a thread cannot be killed, only told to stop."""

    def __init__(self, slots: int = 10, *, name: str = "rota-thread") -> None:
        super().__init__(slots, name)

    def place(self, attempt: SeatedAttempt) -> str:
        """Return where the thread stands."""
        return places.of_thread(attempt.seat.ident if attempt.seat else None)

    def new_seat(self, queue: Queue, name: str) -> Seat:
        """Return a thread that calls functions."""
        return _ThreadSeat(self.attempts, queue, name)


class _ThreadSeat(Seat):
    def perform(self, attempt: SeatedAttempt) -> Outcome:
        call = attempt.call
        enter(attempt.run)
        return attempt.returned(awaited(call.func(*call.args, **call.kwargs)))
