"""The verbs that do past occurrences again: backfill and rerun."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, overload

from rota import triggers
from rota.core.chains.rule import AFTER, DOWNSTREAM
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import NewRun, PlannedRun
from rota.core.reasons.run_reason import RunReason
from rota.core.run import ACTIVE, FINAL, Cause, Run, State
from rota.core.task import JOB, Overlap
from rota.core.time import Instant, from_datetime, to_datetime, to_iso
from rota.definitions.arguments import overlap_key_of
from rota.engine.planning.task_registry import RegisteredTask
from rota.errors import DefinitionError, StateError
from rota.manager.run_arguments import checked_arguments
from rota.manager.runs import RunVerbs
from rota.task_api.actor import actor

MOST_REPLAYED = 10_000
"""The most occurrences of one backfill."""

USUAL_LIMIT = 100

WITHOUT_TIMES = frozenset({JOB, AFTER})
"""The triggers that name no times: there is nothing to backfill."""


class PastOccurrence(NamedTuple):
    """An occurrence that a backfill does, and what is on record of it."""

    fire_time: datetime  # aware, in UTC
    run: Run | None  # the last one that succeeded, else the first one
    replays: int  # so many there are
    active: Run | None  # a run of it that has not ended: it is left out


class BackfillPlan(NamedTuple):
    """What a backfill does: its occurrences, oldest first, at most `limit`; `more`: the range has
    more than that."""

    occurrences: list[PastOccurrence]
    more: bool


class ReplayVerbs(RunVerbs):
    """Does past occurrences again."""

    @overload
    def backfill(
        self, id: str, start: datetime, end: datetime | None = None, *, limit: int = USUAL_LIMIT,
        parallel: int = 1, force: bool = False, missing: bool = False, reason: str = "",
        dry_run: Literal[False] = False,
    ) -> list[str]: ...  # fmt: skip

    @overload
    def backfill(
        self, id: str, start: datetime, end: datetime | None = None, *, limit: int = USUAL_LIMIT,
        parallel: int = 1, force: bool = False, missing: bool = False, reason: str = "",
        dry_run: Literal[True],
    ) -> list[datetime]: ...  # fmt: skip

    def backfill(
        self,
        id: str,
        start: datetime,
        end: datetime | None = None,
        *,
        limit: int = USUAL_LIMIT,
        parallel: int = 1,
        force: bool = False,
        missing: bool = False,
        reason: str = "",
        dry_run: bool = False,
    ) -> list[str] | list[datetime]:
        """Run the occurrences of a task from `start` (inclusive) to `end` (exclusive; None: now),
        each with its own fire time, and return the ids of the new runs, oldest occurrence first.

        The task's present rule names the occurrences. They run one after the other, or `parallel`
        at once, which needs overlap="allow". With `missing`, occurrences with a successful run are
        left out. One with a run that has not ended is always left out: a repeated call makes no
        double. With `dry_run`, nothing is written, and the fire times are returned, in UTC.

        A time without a zone is read in the task's. Raises UnknownTaskError, DefinitionError for a
        range or a number that is wrong, and StateError for a range with more than `limit`
        occurrences, a paused task without `force`, or a task whose code is not loaded here.
        """
        plan = self.plan_backfill(id, start, end, limit=limit, missing=missing)
        if dry_run:
            return [one.fire_time for one in plan.occurrences]
        return self.carry_out_backfill(
            id, plan, limit=limit, parallel=parallel, force=force, reason=reason
        )

    def carry_out_backfill(
        self,
        id: str,
        plan: BackfillPlan,
        *,
        limit: int = USUAL_LIMIT,
        parallel: int = 1,
        force: bool = False,
        reason: str = "",
    ) -> list[str]:
        """Run what `plan_backfill` returned, and return the ids of the new runs; raises as
        `backfill` does.
        """
        entry = self._replayed(id)
        self._refuse(entry, plan, limit, force)
        lanes = self._lanes(entry, parallel)
        now = self._now()
        runs = [
            self._replay(
                entry, from_datetime(one.fire_time), now, lane=place % lanes if lanes else None
            )
            for place, one in enumerate(plan.occurrences)
            if one.active is None
        ]
        return [one.run_id for one in self._write_replays(runs, reason)]

    def plan_backfill(
        self,
        id: str,
        start: datetime,
        end: datetime | None = None,
        *,
        limit: int = USUAL_LIMIT,
        missing: bool = False,
    ) -> BackfillPlan:
        """Return what `backfill` would do, and what is on record of it; raises as it does for a
        range that is wrong.
        """
        entry = self._replayed(id)
        if entry.definition.trigger in WITHOUT_TIMES:
            raise StateError(
                f"{id!r} has no times of its own: its trigger is {entry.definition.trigger!r}.",
                remedy="`rota rerun` does the occurrence of one of its runs again.",
            )
        _check_number("limit", limit, MOST_REPLAYED)
        now = self._now()
        since = self.instant_of("start", start, id)
        until = now if end is None else min(self.instant_of("end", end, id), now)
        if since >= until:
            raise DefinitionError(
                f"no time of its trigger is from {to_iso(since)} to before {to_iso(until)}.",
                where="start",
                remedy="Give a start that has passed, and an end after it.",
            )
        found: list[PastOccurrence] = []
        after, more = since - 1, False
        while not more:
            instants = triggers.between(entry.rule, after, until - 1, limit + 1)
            for one in self._on_record(id, instants):
                if missing and one.run is not None and one.run.state is State.SUCCEEDED:
                    continue
                if len(found) == limit:
                    more = True
                    break
                found.append(one)
            if len(instants) <= limit:
                break
            after = instants[-1]
        return BackfillPlan(found, more)

    def rerun(self, run_id: str, *, reason: str = "", downstream: bool = False) -> str:
        """Do the occurrence of a run again, with its fire time and its arguments, and return the
        id of the new run. With `downstream`, its end starts the tasks after it again.

        While an earlier rerun of the occurrence has not ended, its id is returned, and nothing is
        written. Raises UnknownRunError, UnknownTaskError, and StateError for a run that has not
        ended, or has no occurrence.
        """
        run = self.history.run(run_id)
        if run.fire_time is None:
            raise StateError(
                f"Run {run.id} was started manually: it has no occurrence to do again.",
                remedy=f"`rota run {run.task_id}` starts its task, `rota retry` a failed run.",
            )
        active = [one for one in self._others(run) if one.state in ACTIVE]
        if active and active[0].replay is not None and active[0].id != run.id:
            return active[0].id
        if active:
            raise StateError(
                f"Run {active[0].id} of the same occurrence is {active[0].state}.",
                remedy="Wait for its end, or cancel it first.",
            )
        entry = self._replayed(run.task_id)
        again = self._replay(entry, run.fire_time, self._now(), run=run)
        if not downstream and self._has_tasks_after(run.task_id):
            again = again._replace(options={**(again.options or {}), DOWNSTREAM: False})
        written = self._write_replays([again], reason or f"rerun of run {run.id}")
        if written:
            return written[0].run_id
        return next(one.id for one in self._others(run) if one.replay and one.state not in FINAL)

    def _others(self, run: Run) -> list[Run]:
        assert run.fire_time is not None
        return self.history.runs_of_occurrences(run.task_id, [run.fire_time])

    def _replayed(self, id: str) -> RegisteredTask:
        entry = self._require(id)
        if entry is None:
            raise StateError(
                f"the code of {id!r} is not loaded here.",
                remedy="Call this in a process that loads its task file.",
            )
        self._synced_history()
        return entry

    def _refuse(self, entry: RegisteredTask, plan: BackfillPlan, limit: int, force: bool) -> None:
        id = entry.definition.id
        if plan.more:
            raise StateError(
                f"{id!r} has more than {limit} occurrences in that range; nothing is run.",
                where="limit",
                remedy="Give a shorter range, or a higher limit.",
            )
        if entry.is_paused(self._now()) and not force:
            raise StateError(
                f"{id!r} is paused; nothing is run.",
                where="force",
                remedy="Resume it, or give `force` to run past occurrences all the same.",
            )

    def _lanes(self, entry: RegisteredTask, parallel: int) -> int:
        """Return how many replays may run at once, if the overlap rule of the task does not say;
        0: it does."""
        _check_number("parallel", parallel, MOST_REPLAYED)
        if entry.policy.overlap is Overlap.ALLOW:
            return parallel
        if parallel > 1:
            raise StateError(
                f"runs of {entry.definition.id!r} do not overlap.",
                where="parallel",
                remedy='Leave out `parallel`, or give the task overlap="allow".',
            )
        return 0

    def _replay(
        self,
        entry: RegisteredTask,
        instant: Instant,
        now: Instant,
        *,
        lane: int | None = None,
        run: Run | None = None,
    ) -> NewRun:
        """Return a replay. With a `lane` it waits for the replays before it in that lane alone."""
        code, policy = entry.definition, entry.policy
        given = None if run is None else run.arguments
        (arguments,) = checked_arguments(code.id, code, [given], many=False)
        key = overlap_key_of(policy.overlap_key, code, arguments)
        own = policy.overlap is Overlap.ALLOW and lane is None
        return NewRun(
            id=self.services.engine.ids.new(now),
            task_id=code.id,
            fire_time=None,
            cause=Cause.BACKFILL,
            state=State.QUEUED,
            reason=RunReason(None, f"rerun of run {run.id}" if run else "backfill"),
            available_at=now,
            created_at=now,
            overlap=Overlap.ALLOW if own else Overlap.QUEUE,
            arguments=arguments,
            retry_of=run.id if run else None,
            priority=policy.priority if run is None else run.priority,
            options=_own_options(run),
            overlap_key=key if lane is None else f'["backfill",{lane}]',
            replay_time=instant,
        )

    def _write_replays(self, runs: list[NewRun], reason: str) -> list[PlannedRun]:
        engine, by = self.services.engine, actor()

        def write(tx: Transaction) -> list[PlannedRun]:
            return tx.replay(runs, reason=reason, by=by)

        written = self.services.ledger.run(write)
        if engine.is_running:
            engine.dispatcher.wake.set()
        return written

    def _on_record(self, id: str, instants: list[Instant]) -> list[PastOccurrence]:
        known: dict[Instant, list[Run]] = {instant: [] for instant in instants}
        for run in self.history.runs_of_occurrences(id, instants):
            if run.fire_time is not None:
                known[run.fire_time].append(run)
        return [_past(instant, known[instant]) for instant in instants]


def _past(instant: Instant, runs: list[Run]) -> PastOccurrence:
    """Return an occurrence with its runs: the first one, or the last replay that succeeded."""
    good = [run for run in runs if run.state is State.SUCCEEDED]
    return PastOccurrence(
        to_datetime(instant),
        good[-1] if good else runs[0] if runs else None,
        sum(run.replay is not None for run in runs),
        next((run for run in runs if run.state in ACTIVE), None),
    )


def _own_options(run: Run | None) -> dict[str, Any] | None:
    """Return the options that a run has of its own, without whether its end starts others."""
    given = run.options if run is not None else None
    return {name: value for name, value in (given or {}).items() if name != DOWNSTREAM} or None


def _check_number(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise DefinitionError(
            f"{str(value)[:40]!r} is no whole number from 1 to {most}.",
            where=name,
            remedy=f"Give a number like {USUAL_LIMIT if name == 'limit' else 2}.",
        )
