"""The attempts in progress on this node, and those about to start or just ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from rota.core.ports.executor import AttemptSpec, Executor
from rota.core.ports.records import Claim
from rota.core.task import Policy
from rota.core.time import Instant
from rota.engine.running.reporter import RunReporter


@dataclass(slots=True, eq=False)
class InFlightRun:
    """One attempt in progress; `deadline` and `time_up` are in monotonic seconds."""

    claim: Claim
    call: AttemptSpec
    policy: Policy
    executor: Executor
    executor_name: str
    reporter: RunReporter
    started_at: Instant
    deadline: float  # of its next step: it is asked to stop, and then given up
    time_up: float  # when its timeout passes
    total_until: Instant | None = None  # when its `total_timeout` passes, whatever attempt it is
    is_last_time: bool = False  # it may take what is left of that, which is less than `timeout`
    timed_out: bool = False
    cancel_reason: str | None = None
    handed_back: str | None = None
    stopped_at: float | None = None  # monotonic seconds, when it was first asked to stop


@dataclass(slots=True)
class InFlightRuns:
    """Every attempt in progress, by run id, and how many each executor has.

    Of two kinds the ledger may say that they run here while they do not: `coming`, whose claim is
    being written, and `going`, whose end is being written.
    """

    by_run: dict[str, InFlightRun] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)  # run id → executor with a slot for it
    coming: frozenset[str] = frozenset()
    going: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.by_run)

    def hold(self, run_id: str) -> bool:
        """Return whether this node owns the run: in flight, being claimed, or being settled."""
        return (
            run_id in self.by_run
            or run_id in self.kept
            or run_id in self.coming
            or run_id in self.going
        )

    def has(self, flight: InFlightRun) -> bool:
        """Return whether this very attempt is in progress."""
        return self.by_run.get(flight.claim.run_id) is flight

    def keep(self, run_id: str, executor_name: str) -> None:
        """Reserve a slot for a run that is being planned and claimed in one."""
        self.kept[run_id] = executor_name
        self.used[executor_name] = self.used.get(executor_name, 0) + 1

    def give_back(self, run_id: str) -> None:
        """Free the slot that was reserved."""
        self.used[self.kept.pop(run_id)] -= 1

    def add(self, flight: InFlightRun) -> None:
        """Take a slot."""
        self.by_run[flight.claim.run_id] = flight
        self.used[flight.executor_name] = self.used.get(flight.executor_name, 0) + 1

    def pop(self, call: AttemptSpec) -> InFlightRun | None:
        """Free the slot of this very attempt; None when it was given up before."""
        flight = self.by_run.get(call.run_id)
        if flight is None or flight.call is not call:
            return None
        del self.by_run[call.run_id]
        self.used[flight.executor_name] -= 1
        return flight
