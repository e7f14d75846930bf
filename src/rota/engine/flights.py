"""The attempts under way on this node."""

from __future__ import annotations

from dataclasses import dataclass, field

from rota.core.instants import Instant
from rota.core.ports import Call, Claim, Executor
from rota.core.task import Policy
from rota.engine.reporter import RunReporter


@dataclass(slots=True, eq=False)
class Flight:
    """One attempt under way; `deadline` is in monotonic seconds."""

    claim: Claim
    call: Call
    policy: Policy
    executor: Executor
    executor_name: str
    reporter: RunReporter
    started_at: Instant
    deadline: float
    timed_out: bool = False
    cancel_reason: str | None = None
    handed_back: str | None = None
    stopped_at: float | None = None  # monotonic seconds, when it was first told to stop


@dataclass(slots=True)
class Flights:
    """Every attempt under way, by run id, and how many each executor has."""

    by_run: dict[str, Flight] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.by_run)

    def add(self, flight: Flight) -> None:
        """Take a slot."""
        self.by_run[flight.claim.run_id] = flight
        self.used[flight.executor_name] = self.used.get(flight.executor_name, 0) + 1

    def pop(self, call: Call) -> Flight | None:
        """Free the slot of this very attempt; None when it was given up before."""
        flight = self.by_run.get(call.run_id)
        if flight is None or flight.call is not call:
            return None
        del self.by_run[call.run_id]
        self.used[flight.executor_name] -= 1
        return flight
