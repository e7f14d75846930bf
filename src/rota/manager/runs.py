"""The verbs on runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rota.core.chains.rule import DOWNSTREAM, upstream_ids
from rota.core.ports.records import RunFilter
from rota.core.run import FINAL, Cause, Run, State
from rota.core.task import JOB
from rota.engine.planning.manual_starts import ManualStart
from rota.errors import ArgumentError, StateError
from rota.manager.jobs import EnqueueRequest, JobVerbs
from rota.manager.run_arguments import checked_arguments
from rota.task_api.actor import actor

PAGE = 1_000
RETRYABLE = FINAL - {State.SUCCEEDED}


class RunVerbs(JobVerbs):
    """Starts, cancels and shows runs."""

    def run_task(
        self, id: str, *, arguments: Mapping[str, Any] | None = None, reason: str = ""
    ) -> str:
        """Start a task manually and return the run's id; some node that knows the task runs it.

        `arguments` are passed by keyword. They have the types that the function's annotations name;
        without an annotation, they are JSON. They are checked and stored as JSON now, and rebuilt
        for each attempt. Raises UnknownTaskError, and ArgumentError, or Mistakes for several, for
        what the function does not take or JSON cannot hold.
        """
        return self._start(id, [ManualStart(arguments, reason)])[0]

    def run_many(self, id: str, arguments: Iterable[Mapping[str, Any] | None]) -> list[str]:
        """Start a task once for each of the `arguments`, in one commit, and return the runs' ids.

        If one of them is wrong, nothing is started: raises as `run_task` does, with the number of
        each.
        """
        if not isinstance(arguments, Iterable):
            raise ArgumentError(
                f"task {id!r}: run_many takes a list with the arguments of each run, and this is"
                f" a {type(arguments).__name__}.",
                where="arguments",
                remedy="Write [{}] * 3 for three runs without arguments.",
            )
        return self._start(id, [ManualStart(one) for one in arguments], many=True)

    def retry_run(self, run_id: str, *, reason: str = "", downstream: bool = False) -> str:
        """Retry a run that ended without success: by a new manual run with the same arguments,
        whose id is returned. With `downstream`, its end starts the tasks after it again. Raises
        UnknownRunError, UnknownTaskError, and StateError for a run that has not ended or has
        succeeded.
        """
        run = self.history.run(run_id)
        if run.state not in RETRYABLE:
            raise StateError(
                f"Run {run.id} is {run.state}: there is nothing to retry.",
                remedy="Run its task again, if that is what you want."
                if run.state is State.SUCCEEDED
                else "Wait for its end, or cancel it first.",
            )
        why = f"retry of run {run.id}" + (f": {reason}" if reason else "")
        again = ManualStart(run.arguments, why, retry_of=run.id)
        options = {name: value for name, value in (run.options or {}).items() if name != DOWNSTREAM}
        if not downstream and self._has_tasks_after(run.task_id):
            options[DOWNSTREAM] = False
        run = replace(run, options=options)
        own = run if run.options or run.cause is not Cause.SCHEDULE else None
        return self._start(run.task_id, [again], own=own)[0]

    def _has_tasks_after(self, task_id: str) -> bool:
        chained = [one.record.trigger_args for one in self.history.tasks_after_others()]
        return any(task_id in upstream_ids(args) for args in chained)

    def run_alone(self, id: str, *, arguments: Mapping[str, Any] | None = None) -> Run:
        """Run a task once in this process while no node is up, as `carry_out` does; raises
        UnknownTaskError.
        """
        return self.carry_out(self.run_task(id, arguments=arguments))

    def carry_out(self, run_id: str) -> Run:
        """Run a waiting run in this process while no node is up: nothing is planned, and nothing
        claimed but runs of its task. Returns the run when it has ended, retries included; raises
        UnknownRunError.
        """
        engine, run = self.services.engine, self.history.run(run_id)
        with self._lock:
            self._start_engine(only=run.task_id)
        try:
            engine.wait_for(run.id)
        finally:
            engine.stop()
            self._opened = False
        return self.history.run(run.id)

    def cancel_run(self, run_id: str, *, reason: str = "cancelled manually") -> State:
        """Cancel a waiting run at once, or request the cancellation of a running one, and return
        its state; raises UnknownRunError, and StateError for one that has ended.
        """
        run, by = self.history.run(run_id), actor()
        return self._write(lambda tx: tx.cancel(run.id, reason, self._now(), by=by))

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
        tag: str | None = None,
        newest_first: bool = True,
    ) -> Iterator[Run]:
        """Yield the runs, page by page, of one task or all. `since` (inclusive) and `until` are
        compared with the fire time, or with the creation if there is no fire time; without a zone
        they are read in the task's, else in `manager.timezone`. `tag` is one of those that a run
        was enqueued with. Raises LedgerError, and ValueError for an unknown state.
        """
        where = RunFilter(
            task_id=task_id,
            states=None if states is None else [State(state) for state in states],
            since=None if since is None else self.instant_of("since", since, task_id),
            until=None if until is None else self.instant_of("until", until, task_id),
            tag=tag,
        )
        after = None
        while True:
            page = self.history.runs(where, limit=PAGE, after=after, newest_first=newest_first)
            yield from page.runs
            after = page.next
            if after is None:
                return

    def _start(
        self,
        id: str,
        starts: Sequence[ManualStart],
        *,
        many: bool = False,
        own: Run | None = None,
    ) -> list[str]:
        entry, engine, by = self._require(id), self.services.engine, actor()
        code = entry.definition if entry else None
        if code is None or code.trigger == JOB or own is not None or not engine.is_running:
            first = starts[0] if starts else ManualStart()
            calls = [((), {} if one.arguments is None else one.arguments) for one in starts]
            request = EnqueueRequest(
                id,
                calls,
                {},
                many=many,
                reason=first.reason,
                retry_of=first.retry_of,
                own=own.options if own else None,
                priority=own.priority if own else None,
            )
            request.by = by
            return [handle.id for handle in self._enqueue(request)]
        given = checked_arguments(id, code, [one.arguments for one in starts], many=many)
        starts = [
            ManualStart(some, one.reason, one.retry_of)
            for one, some in zip(starts, given, strict=True)
        ]
        assert entry is not None
        return engine.start_manually(entry, starts, by)
