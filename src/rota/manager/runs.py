"""The verbs on runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rota.core.instants import from_datetime
from rota.core.ports import NewRun, RunFilter
from rota.core.run import Cause, Run, State
from rota.core.task import Policy
from rota.engine.planner import by_hand_overlap
from rota.manager.base import Base

PAGE = 1_000


class RunVerbs(Base):
    """Starts, cancels and shows runs."""

    def run_task(self, id: str, *, arguments: Mapping[str, Any] | None = None) -> str:
        """Start a task by hand and return the run's id; some node that knows the task runs it.

        `arguments` (JSON) are passed by keyword. Raises UnknownTaskError.
        """
        return self.run_many(id, [arguments])[0]

    def run_many(self, id: str, arguments: Iterable[Mapping[str, Any] | None]) -> list[str]:
        """Start a task once for each of the `arguments`, in one commit, and return the runs' ids;
        raises UnknownTaskError."""
        entry, engine = self._require(id), self.services.engine
        if entry is not None and engine.is_running:
            return engine.run_by_hand(entry, list(arguments))
        policy = entry.policy if entry else self.history.task(id).record.policy
        now = self._now()
        runs = [self._manual(id, one, policy, now) for one in arguments]
        self.services.ledger.write(lambda tx: tx.plan(runs)).result()
        return [run.id for run in runs]

    def run_alone(self, id: str, *, arguments: Mapping[str, Any] | None = None) -> Run:
        """Run a task once in this process, where no node is up, as `carry_out` does; raises
        UnknownTaskError."""
        return self.carry_out(self.run_task(id, arguments=arguments))

    def carry_out(self, run_id: str) -> Run:
        """Make a waiting run in this process, where no node is up: nothing is planned, and nothing
        claimed but runs of its task. Returns it when it has ended, retries included; raises
        UnknownRunError."""
        engine, run = self.services.engine, self.history.run(run_id)
        with self._lock:
            self._start_engine(only=run.task_id)
        try:
            engine.wait_for(run.id)
        finally:
            engine.stop()
            self._opened = False
        return self.history.run(run.id)

    def cancel_run(self, run_id: str, *, reason: str = "cancelled by hand") -> State:
        """Cancel a waiting run at once, or have a running one cancelled, and return its state;
        raises UnknownRunError, and StateError for one that has ended."""
        run = self.history.run(run_id)
        return self._write(lambda tx: tx.cancel(run.id, reason, self._now()))

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or an unambiguous part of it; raises UnknownRunError."""
        return self.history.run(run_id)

    def runs(
        self,
        *,
        task_id: str | None = None,
        states: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = True,
    ) -> Iterator[Run]:
        """Yield the runs, page by page, of one task or all; `since` (inclusive) and `until` are
        aware and compare with the fire time, or the creation where there is none. Raises
        LedgerError, and ValueError for a state that there is not."""
        where = RunFilter(
            task_id=task_id,
            states=None if states is None else [State(state) for state in states],
            since=None if since is None else from_datetime(since),
            until=None if until is None else from_datetime(until),
        )
        after = None
        while True:
            page = self.history.runs(where, limit=PAGE, after=after, newest_first=newest_first)
            yield from page.runs
            after = page.next
            if after is None:
                return

    def _manual(
        self, id: str, arguments: Mapping[str, Any] | None, policy: Policy, now: int
    ) -> NewRun:
        return NewRun(
            id=self.services.engine.ids.new(now),
            task_id=id,
            fire_time=None,
            cause=Cause.MANUAL,
            state=State.QUEUED,
            reason="",
            available_at=now,
            created_at=now,
            overlap=by_hand_overlap(policy),
            arguments=arguments,
        )
