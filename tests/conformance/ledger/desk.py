"""What every ledger is tested with: a clock to move, and short words for the verbs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from rota.core.ids import RunIds
from rota.core.lifecycle import Settlement
from rota.core.limits import Limit
from rota.core.outcome import OutcomeKind
from rota.core.ports.history import History
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.ports.records import (
    AttemptEnd,
    Claim,
    ClaimVerdict,
    NewRun,
    NodeRecord,
    Orphan,
    PlannedRun,
    StoredTask,
    TaskRecord,
    Waiting,
)
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, Cause, LogLine, Run, State
from rota.core.task import Overlap, Policy
from rota.core.time import SECOND, Instant
from rota.ledger import open_ledger
from rota.testing import eventually

T = TypeVar("T")

NOON: Instant = 1_770_000_000 * SECOND


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> Instant:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND

    def move(self, seconds: float) -> Instant:
        self.at += round(seconds * SECOND)
        return self.at


class Desk:
    """An open ledger, its clock, and each verb as one call that waits for the commit."""

    def __init__(self, url: str, *, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.ids = RunIds()
        self.ledger: Ledger = open_ledger(url, clock=self.clock)
        self._joined: set[str] = set()

    def __enter__(self) -> Self:
        self.ledger.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ledger.close()

    @property
    def history(self) -> History:
        return self.ledger.history

    @property
    def now(self) -> Instant:
        return self.clock.now()

    def do(self, operation: Callable[[Transaction], T]) -> T:
        """Run an operation and wait until it is durable."""
        return self.ledger.write(operation).result(timeout=90)

    # --- tasks ---

    def register(self, *tasks: TaskRecord) -> dict[str, StoredTask]:
        return self.do(lambda tx: tx.register(tasks, self.now))

    # --- runs ---

    def new(
        self,
        task_id: str = "t",
        fire_time: Instant | None = None,
        reason: str = "",
        reason_code: ReasonCode | None = None,
        **changes: Any,
    ) -> NewRun:
        """A run to plan: of an occurrence, or started manually where there is no fire time."""
        run = NewRun(
            id=self.ids.new(self.now),
            task_id=task_id,
            fire_time=fire_time,
            cause=Cause.MANUAL if fire_time is None else Cause.SCHEDULE,
            state=State.QUEUED,
            reason=RunReason(reason_code, reason),
            available_at=self.now,
            created_at=self.now,
            overlap=Overlap.ALLOW,
        )
        return run._replace(**changes)

    def plan(
        self, *runs: NewRun, planned_until: Mapping[str, Instant] | None = None
    ) -> list[PlannedRun]:
        """Plan; the nodes that claim some join first if they have not."""
        for node in {run.claim for run in runs if run.claim}:
            self.joined(node)
        return self.do(lambda tx: tx.plan(runs, planned_until))

    def claim(
        self,
        node: str = "a",
        *,
        limit: int = 100,
        exclude: Collection[str] = (),
        of_tasks: Collection[str] | None = None,
        judge: Callable[[Sequence[Waiting]], ClaimVerdict] | None = None,
    ) -> list[Claim]:
        """Claim as a node, which joins first if it has not."""
        self.joined(node)
        chosen = judge or take_all
        return self.do(
            lambda tx: tx.claim(node, self.now, limit, exclude, chosen, of_tasks=of_tasks)
        )

    def settle(self, *endings: AttemptEnd, node: str = "a") -> list[str]:
        return self.do(lambda tx: tx.settle(endings, node))

    def running(self, task_id: str = "t", *, node: str = "a", **changes: Any) -> Claim:
        """Plan a run of its own and claim it."""
        (planned,) = self.plan(self.new(task_id, **changes))
        claims = self.claim(node, judge=take(planned.run_id))
        assert [claim.run_id for claim in claims] == [planned.run_id]
        return claims[0]

    def ended(self, task_id: str = "t", state: State = State.SUCCEEDED, **changes: Any) -> Run:
        """Plan a run of its own, claim it and end it."""
        claim = self.running(task_id, **changes)
        assert self.settle(self.ending(claim, state)) == []
        return self.run(claim.run_id)

    def ending(
        self,
        claim: Claim,
        state: State = State.SUCCEEDED,
        reason: str | None = None,
        reason_code: ReasonCode | None = None,
        started_at: Instant | None = None,
        **changes: Any,
    ) -> AttemptEnd:
        """The end of a claimed attempt, of the kind that leads to `state`."""
        attempt = Attempt(
            run_id=claim.run_id,
            number=claim.attempt,
            node="a",
            started_at=self.now if started_at is None else started_at,
            finished_at=self.now,
            outcome=OUTCOMES.get(state, OutcomeKind.FAILED),
            error=None if state is State.SUCCEEDED else "ValueError: no",
        )
        failures = claim.failures + (state in (State.FAILED, State.SCHEDULED))
        settlement = Settlement(
            state,
            RunReason(reason_code, str(state) if reason is None else reason),
            failures,
            claim.crashes,
        )
        return AttemptEnd(attempt, claim.fence, settlement._replace(**changes))

    def run(self, run_id: str) -> Run:
        return self.history.run(run_id)

    def active(self) -> list[Run]:
        """Every run that has not ended, oldest first."""
        some = [*self.history.running(), *self.history.waiting(10_000)]
        return sorted(some, key=lambda run: run.id)

    def states(self) -> list[str]:
        """The state of every run, oldest first."""
        return [run.state for run in self.history.runs(newest_first=False, limit=1000).runs]

    # --- nodes ---

    def joined(self, node_id: str = "a") -> None:
        """Join unless that was done, here or by another desk."""
        if node_id not in self._joined and node_id not in ids(self.history.nodes()):
            self.join(node_id)
        self._joined.add(node_id)

    def join(self, node_id: str = "a", *, lease: float = 30) -> NodeRecord:
        node = NodeRecord(
            id=node_id,
            name=f"node {node_id}",
            host="host",
            pid=4711,
            version="0.1.0",
            slots=8,
            started_at=self.now,
            seen_at=self.now,
            lease_until=self.now + round(lease * SECOND),
            state="up",
        )
        self.do(lambda tx: tx.join(node))
        return node


class Under:
    """Limits by task, and what they were told to hold back."""

    def __init__(self, **of: Sequence[Limit]) -> None:
        self._of = of
        self.full: set[str] = set()
        self.until: Instant | None = None

    def of(self, task_id: str) -> Sequence[Limit]:
        return self._of.get(task_id, ())

    def hold(self, full: Collection[Limit], until: Instant | None) -> None:
        self.full, self.until = {limit.name for limit in full}, until


OUTCOMES = {
    State.SUCCEEDED: OutcomeKind.SUCCEEDED,
    State.CANCELLED: OutcomeKind.CANCELLED,
    State.LOST: OutcomeKind.CRASHED,
    State.QUEUED: OutcomeKind.CRASHED,
}


def record(task_id: str = "t", **changes: Any) -> TaskRecord:
    """A task as code might define it."""
    task = TaskRecord(
        id=task_id,
        name=f"Task {task_id}",
        func_path="tasks:run",
        trigger="cron",
        trigger_args={"hour": 9},
        timezone="Europe/Berlin",
        schedule="first schedule",
        enabled=True,
        policy=Policy(),
        executor="async",
    )
    return replace(task, **changes)


def line(run_id: str, seq: int, text: str = "a line", *, attempt: int = 1) -> LogLine:
    return LogLine(run_id, attempt, seq, NOON, "INFO", "tasks", text)


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again until it is so: for what comes from another process by itself."""
    eventually(is_so)


def take_all(waiting: Sequence[Waiting]) -> ClaimVerdict:
    return ClaimVerdict([run.run_id for run in waiting])


def take(*run_ids: str) -> Callable[[Sequence[Waiting]], ClaimVerdict]:
    """Take only these, of what is offered."""
    return lambda waiting: ClaimVerdict([run.run_id for run in waiting if run.run_id in run_ids])


def ids(runs: Sequence[Any]) -> list[str]:
    """The ids of runs, planned runs, claims, waiting runs or nodes."""
    return [run.id if isinstance(run, Run | NewRun | NodeRecord) else run.run_id for run in runs]


def declared_gone(desk: Desk, node_id: str) -> None:
    """Have a node join and be declared gone."""
    desk.joined(node_id)
    nodes = [node for node in desk.history.nodes() if node.id == node_id]
    desk.do(lambda tx: tx.reap(_nothing_runs, nodes))


def _nothing_runs(orphan: Orphan) -> AttemptEnd:
    raise AssertionError(f"{orphan} runs")
