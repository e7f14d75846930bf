"""What happened before: runs laid into a ledger with the times they had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rota import TaskManager
from rota.core.ids import RunIds
from rota.core.lifecycle import settle
from rota.core.outcome import SUCCEEDED, Outcome, OutcomeKind, failure
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd, Claim, ClaimVerdict, NewRun, NodeRecord
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, Cause, State
from rota.core.task import Overlap, Policy
from rota.core.time import Instant, seconds

NODE = "a-node-of-the-past"


@dataclass(frozen=True, slots=True)
class Past:
    """Writes runs of a task that is known to `task_manager`."""

    task_manager: TaskManager
    ids: RunIds

    def write(self, operation: Any) -> Any:
        """Do something in the ledger and return what came of it."""
        return self.task_manager.services.ledger.write(operation).result()

    def never_ran(self, task_id: str, *fire_times: Instant, state: State, count: int = 1) -> None:
        """Record occurrences that were skipped or missed; each stands for `count`."""
        runs = [self._planned(task_id, at, state, count) for at in fire_times]
        self.write(lambda tx: tx.plan(runs))

    def ran(
        self, task_id: str, fire_time: Instant, *, late: float, took: float, error: str = ""
    ) -> None:
        """Record a run that started so late, took so long (seconds) and failed with `error`."""
        begun = fire_time + seconds(late)
        ended = begun + seconds(took)
        outcome = failure(ValueError(error)) if error else SUCCEEDED
        run = self._planned(task_id, fire_time, State.QUEUED, 1)
        self.write(lambda tx: tx.plan([run]))
        [claim] = self.write(lambda tx: self._claimed(tx, begun))
        ending = _ending(claim, begun, ended, outcome)
        assert self.write(lambda tx: tx.settle([ending], NODE)) == []

    @staticmethod
    def _claimed(tx: Transaction, now: Instant) -> list[Claim]:
        def all_of(waiting: Any) -> ClaimVerdict:
            return ClaimVerdict([one.run_id for one in waiting])

        tx.leave(NODE, "draining", now)  # one that has stopped claims nothing
        claims = tx.claim(NODE, now, 10, (), all_of)
        tx.leave(NODE, "stopped", now)
        return claims

    def _planned(self, task_id: str, at: Instant, state: State, count: int) -> NewRun:
        return NewRun(
            id=self.ids.new(at),
            task_id=task_id,
            fire_time=at,
            cause=Cause.SCHEDULE,
            state=state,
            reason=RunReason(None, "" if state is State.QUEUED else f"{state} in a test"),
            available_at=at,
            created_at=at,
            overlap=Overlap.ALLOW,
            occurrence_count=count,
        )


def past(task_manager: TaskManager) -> Past:
    """Open the ledger of a task manager that has not started, with a node that runs nothing."""
    task_manager.list_tasks()
    made = Past(task_manager, RunIds())
    node = NodeRecord(NODE, NODE, "elsewhere", 1, "0", 1, 0, 0, 0, "stopped")
    made.write(lambda tx: tx.join(node))
    return made


def _ending(claim: Claim, begun: Instant, ended: Instant, outcome: Outcome) -> AttemptEnd:
    never_again = Policy(max_retries=0)
    settlement = settle(
        outcome, run_id=claim.run_id, failures=0, crashes=0, policy=never_again, now=ended
    )
    kind: OutcomeKind = outcome.kind
    attempt = Attempt(claim.run_id, claim.attempt, NODE, begun, ended, kind, outcome.error)
    return AttemptEnd(attempt, claim.fence, settlement)
