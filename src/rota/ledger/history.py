"""The reading verbs: what the pages, the API and the command line ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection

from rota.core.access import Token
from rota.core.audit import EVERY_CHANGE, AuditFilter, AuditPage
from rota.core.pauses import Pause
from rota.core.ports.records import (
    EVERY_RUN,
    Backlog,
    Counts,
    Damage,
    Failures,
    NodeRecord,
    Page,
    RunFilter,
    RunSpanAggregate,
    StateCount,
    StoredTask,
)
from rota.core.ports.windows import DelayedRun, OpenedWindow
from rota.core.run import Attempt, LogLine, Run, Step
from rota.core.time import Instant
from rota.core.verification.evidence import Evidence
from rota.errors import UnknownRunError
from rota.ledger import windows as window_verbs
from rota.ledger.database import Database
from rota.ledger.sql import aggregate_mapping, aggregates, damage, mapping, nodes, queries
from rota.ledger.sql import statements as sql
from rota.ledger.sql.evidence import SqlEvidence
from rota.ledger.sql.json_batch import Batch, encode
from rota.ledger.sql.paging import SLACK, page_query, parameters_of, shape_of
from rota.ledger.sql.soundness import found
from rota.ledger.sql.statement import Statement
from rota.ledger.sql.verified_rows import with_former
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import chains, claiming, replaying
from rota.ledger.verbs import pauses as pause_verbs
from rota.ledger.verbs import tasks as task_verbs
from rota.ledger.verbs import tokens as token_verbs

SHORTEST = 6  # characters that suffice as an abbreviation of an id


class SqlHistory:
    """The port's `History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- runs ---

    def run(self, run_id: str) -> Run:
        wanted = run_id.strip()
        with self._database.reading() as connection:
            found = queries.RUN_BY_ID.rows(connection, id=wanted)
            if not found and len(wanted) >= SHORTEST:
                found = _runs_like(connection, wanted.upper())
        if len(found) == 1:
            return mapping.run_of(found[0])
        raise _no_such_run(wanted, ambiguous=bool(found))

    def runs(
        self,
        where: RunFilter = EVERY_RUN,
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = True,
    ) -> Page:
        size = max(limit, 1)
        shape = shape_of(where, after=after, newest_first=newest_first)
        if shape.states == frozenset() or shape.causes == frozenset():
            return Page([], None)
        values = parameters_of(where, after=after, limit=size + 1)  # one more: is there a next?
        with self._database.reading() as connection:
            found = page_query(shape).rows(connection, **values)
        runs = [mapping.run_of(row) for row in found[:size]]
        return Page(runs, runs[-1].id if len(found) > size else None)

    def runs_of_occurrences(self, task_id: str, instants: Collection[Instant]) -> list[Run]:
        with self._database.reading() as connection:
            return replaying.runs_of(connection, task_id, instants)

    def last_runs(self, task_ids: Collection[str] | None = None) -> dict[str, Run]:
        with self._database.reading() as connection:
            if task_ids is None:
                found = queries.LAST_RUNS.rows(connection)
            else:
                batch = Batch((task_id,) for task_id in set(task_ids))
                found = queries.LAST_RUNS_OF.rows(connection, task_ids=batch)
        return {run.task_id: run for run in map(mapping.run_of, found)}

    def last_success(self, task_id: str, *, before: Instant | None = None) -> Run | None:
        with self._database.reading() as connection:
            if before is None:
                found = queries.LAST_SUCCESS.rows(connection, task_id=task_id)
            else:
                found = queries.LAST_SUCCESS_BEFORE.rows(connection, task_id=task_id, before=before)
        return mapping.run_of(found[0]) if found else None

    def recent_runs(self, task_ids: Collection[str], limit: int) -> dict[str, list[Run]]:
        batch = Batch((task_id,) for task_id in set(task_ids))
        with self._database.reading() as connection:
            found = queries.RECENT_RUNS.rows(connection, task_ids=batch, limit=limit)
        recent: dict[str, list[Run]] = {}
        for row in sorted(found, reverse=True):
            run = mapping.run_of(row)
            recent.setdefault(run.task_id, []).append(run)
        return recent

    def running(self) -> list[Run]:
        with self._database.reading() as connection:
            found = queries.RUNNING_RUNS.rows(connection)
        return [mapping.run_of(row) for row in sorted(found)]

    def waiting(self, limit: int) -> list[Run]:
        with self._database.reading() as connection:
            found = queries.WAITING_RUNS.rows(connection, limit=limit)
        return sorted(map(mapping.run_of, found), key=lambda run: (run.available_at, run.id))

    def backlog(self, now: Instant) -> dict[str, Backlog]:
        with self._database.reading() as connection:
            found = queries.BACKLOG.rows(connection, now=now)
        return {
            task_id: Backlog(count, aggregate_mapping.due_of(oldest) or 0)
            for task_id, count, oldest in found
        }

    def due_times(self, after: Instant, until: Instant, slice: Instant) -> list[Instant]:
        found: set[Instant] = set()
        with self._database.reading() as connection:
            for level in claiming.LEVELS.rows(connection):
                found.update(
                    queries.DUE_TIMES.rows(
                        connection, level=level, after=after, until=until, slice=slice
                    )
                )
        return sorted(found)[:1000]

    def counts(self, now: Instant) -> Counts:
        with self._database.reading() as connection:
            found = queries.COUNTS(connection, now=now).one()
        return Counts(found.waiting, found.running, aggregate_mapping.due_of(found.oldest_due))

    # --- many runs in few rows ---

    def failures(self, since: Instant, until: Instant, slice: Instant) -> list[Failures]:
        return [
            aggregate_mapping.failures_of(row)
            for row in self._sums(aggregates.FAILURES, since, until, slice)
        ]

    def bundles(self, since: Instant, until: Instant, slice: Instant) -> list[RunSpanAggregate]:
        found = self._sums(aggregates.BUNDLES, since, until, slice)
        bundles = (aggregate_mapping.bundle_of(row, since, until) for row in found)
        return [bundle for bundle in bundles if bundle is not None]

    def tallies(self, since: Instant, until: Instant, slice: Instant) -> list[StateCount]:
        found = self._sums(aggregates.TALLIES, since, until, slice)
        return [
            StateCount(place, state, count)
            for place, word, count in found
            if (state := aggregate_mapping.state_of(word)) is not None
        ]

    def _sums(
        self, statement: Statement, since: Instant, until: Instant, slice: Instant
    ) -> list[Any]:
        made_since = mapping.first_id(since - SLACK)
        with self._database.reading() as connection:
            return statement.rows(
                connection, made_since=made_since, since=since, until=until, slice=slice
            )

    # --- one run ---

    def attempts(self, run_id: str) -> list[Attempt]:
        with self._database.reading() as connection:
            found = queries.ATTEMPTS.rows(connection, id=run_id)
            run = queries.RUN_BY_ID.rows(connection, id=run_id)
        attempts = [mapping.attempt_of(row) for row in found]
        last = mapping.last_attempt_of(mapping.run_of(run[0])) if run else None
        return attempts if last is None else [*attempts, last]

    def steps(self, run_id: str) -> list[Step]:
        with self._database.reading() as connection:
            found = queries.STEPS.rows(connection, id=run_id)
        return [mapping.step_of(row, run_id) for row in found]

    def logs(
        self, run_id: str, *, after: tuple[int, int] = (0, 0), limit: int = 10_000
    ) -> list[LogLine]:
        attempt, seq = after
        with self._database.reading() as connection:
            found = queries.LINES.rows(connection, id=run_id, attempt=attempt, seq=seq, limit=limit)
        return [mapping.line_of(row) for row in found]

    def runs_by_id(self, run_ids: Collection[str]) -> list[Run]:
        with self._database.reading() as connection:
            found = queries.RUNS_BY_ID.rows(connection, ids=encode(set(run_ids)))
        return [mapping.run_of(row) for row in sorted(found)]

    # --- tasks, nodes and audit ---

    def tasks(self, task_ids: Collection[str] | None = None) -> list[StoredTask]:
        with self._database.reading() as connection:
            if task_ids is None:
                found = queries.ALL_TASKS.rows(connection)
            else:
                found = sql.TASKS_BY_ID.rows(connection, ids=encode(task_ids))
        return [mapping.task_of(row) for row in found]

    def tasks_after_others(self) -> list[StoredTask]:
        with self._database.reading() as connection:
            return [mapping.task_of(row) for row in chains.AFTER_TASKS.rows(connection)]

    def task_ids(self) -> list[str]:
        with self._database.reading() as connection:
            return sorted(queries.LIVING_TASKS.rows(connection))

    def task(self, task_id: str) -> StoredTask:
        with self._database.reading() as connection:
            return task_verbs.find(connection, task_id)

    def changed_tasks(self, after: int) -> list[StoredTask]:
        with self._database.reading() as connection:
            found = sorted(queries.TASKS_CHANGED.rows(connection, after=after))
            return with_former(connection, [mapping.task_of(row) for row in found])

    def windows(self) -> list[OpenedWindow]:
        with self._database.reading() as connection:
            return window_verbs.opened_windows(connection)

    def delayed(self) -> list[DelayedRun]:
        with self._database.reading() as connection:
            return [DelayedRun(*row) for row in window_verbs.DELAYED.rows(connection)]

    def pauses(self, now: Instant) -> list[Pause]:
        with self._database.reading() as connection:
            return pause_verbs.group_pauses(connection, now)

    def cancellations(self, node_id: str) -> dict[str, str]:
        with self._database.reading() as connection:
            return dict(nodes.CANCEL_REQUESTS.rows(connection, node_id=node_id))

    def running_of(self, node_id: str) -> dict[str, int]:
        with self._database.reading() as connection:
            return dict(queries.RUNNING_OF_NODE.rows(connection, node_id=node_id))

    def nodes(self) -> list[NodeRecord]:
        with self._database.reading() as connection:
            found = queries.NODES.rows(connection)
        return [mapping.node_of(row) for row in found]

    def damages(self, *, search: bool = False) -> list[Damage]:
        if not search and not found.all():
            return []
        with self._database.reading() as connection:
            return damage.search(connection) if search else damage.met(connection)

    def tokens(self) -> list[Token]:
        with self._database.reading() as connection:
            return [token_verbs.token_of(row) for row in token_verbs.TOKENS.rows(connection)]

    def session(self, digest: str, now: Instant) -> Token | None:
        with self._database.reading() as connection:
            found = token_verbs.SESSION.rows(connection, digest=digest, now=now)
        return token_verbs.token_of(found[0]) if found else None

    @property
    def evidence(self) -> Evidence:
        return SqlEvidence(self._database)

    def audit(
        self, where: AuditFilter = EVERY_CHANGE, *, limit: int = 100, after: str | None = None
    ) -> AuditPage:
        with self._database.reading() as connection:
            return audit_verbs.page(connection, where, limit=limit, after=after)


def _runs_like(connection: Connection, part: str) -> list[Any]:
    """Return up to two runs whose id begins, or else ends, with `part`."""
    beginning = queries.RUNS_BY_BEGINNING.rows(connection, low=part, high=part + "~")
    return beginning or queries.RUNS_BY_END.rows(connection, end=part, before=len(part) - 1)


def _no_such_run(wanted: str, *, ambiguous: bool) -> UnknownRunError:
    if ambiguous:
        return UnknownRunError(
            f"More than one run has an id like {wanted!r}.", remedy="Write more of it."
        )
    return UnknownRunError(
        f"No run has the id {wanted!r}.",
        remedy="`rota runs` lists them; the first or last"
        f" {SHORTEST} characters of an id are enough if they name one run.",
    )
