"""The reading side for the verification of chains: see the port."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select

from rota.core.chains.rule import DOWNSTREAM, UpstreamEnd, is_end
from rota.core.reasons import ReasonCode
from rota.core.run import FINAL, Cause, State
from rota.core.time import Instant
from rota.core.verification.chained import EndedRun, Follower, UpstreamFacts
from rota.ledger.database import Database
from rota.ledger.schema.tables import one_of, runs
from rota.ledger.sql import mapping
from rota.ledger.sql.forms import CODES
from rota.ledger.sql.json_batch import Batch, encode, incoming, listed
from rota.ledger.sql.soundness import parsed
from rota.ledger.sql.statement import Statement, all_of

_limit: Any = bindparam("limit")
_after: Any = bindparam("after")

_ENDED = (
    runs.c.id,
    runs.c.task_id,
    runs.c.fire_time,
    runs.c.cause,
    runs.c.state,
    runs.c.attempt,
    runs.c.reason_code,
    runs.c.options,
    runs.c.finished_at,
)
ENDS = Statement(
    all_of(
        select(*_ENDED)
        .where(runs.c.task_id.in_(listed("ids")), runs.c.id > _after, one_of(runs.c.state, FINAL))
        .order_by(runs.c.id)
        .limit(_limit)
    )
)
"""The first ended runs of these tasks, by id."""

_at_in = incoming("beside", runs.c.task_id, runs.c.fire_time)
_is_at = (runs.c.task_id == _at_in.c.task_id) & (runs.c.fire_time == _at_in.c.fire_time)
BESIDE = Statement(all_of(select(*_ENDED).join_from(_at_in, runs, _is_at)))
"""The runs of these occurrences."""

HAVE_ROWS = Statement(
    all_of(select(runs.c.task_id, runs.c.fire_time).join_from(_at_in, runs, _is_at))
)
"""The occurrences that have a row."""

_named_in = incoming("known", runs.c.task_id, runs.c.upstream)
NAMED_BY_RUN = Statement(
    all_of(
        select(runs.c.task_id, runs.c.upstream).join_from(
            _named_in,
            runs,
            (runs.c.task_id == _named_in.c.task_id)
            & (runs.c.upstream == _named_in.c.upstream)
            & runs.c.fire_time.is_(None),
        )
    )
)
"""Those of the occurrences (task, upstream) that have their rows."""

FOLLOWERS = Statement(
    all_of(
        select(
            runs.c.id,
            runs.c.task_id,
            runs.c.fire_time,
            runs.c.cause,
            runs.c.reason_code,
            runs.c.created_at,
            runs.c.upstream,
        )
        .where(runs.c.task_id.in_(listed("ids")), runs.c.id > _after)
        .order_by(runs.c.id)
        .limit(_limit)
    )
)
"""The first rows of these tasks, by id."""

KNOWN = Statement(
    all_of(select(runs.c.id, runs.c.fire_time, runs.c.cause).where(runs.c.id.in_(listed("ids"))))
)
"""The runs with these ids."""


class SqlChainEvidence:
    """The port's `ChainEvidence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ends(
        self, task_ids: Collection[str], since: Instant, after: str, limit: int
    ) -> list[EndedRun]:
        after = max(after, mapping.first_id(since))
        with self._database.reading() as connection:
            found = ENDS.rows(connection, ids=encode(task_ids), after=after, limit=limit)
        return [_ended_of(row) for row in found]

    def beside(
        self, occurrences: Collection[tuple[str, Instant]]
    ) -> dict[tuple[str, Instant], EndedRun]:
        if not occurrences:
            return {}
        with self._database.reading() as connection:
            found = BESIDE.rows(connection, beside=Batch(list(occurrences)))
        ended = [_ended_of(row) for row in found]
        return {
            (one.end.task_id, one.end.fire_time): one
            for one in ended
            if one.is_planned and one.end.fire_time is not None
        }

    def have_rows(self, occurrences: Collection[tuple[str, Instant]]) -> set[tuple[str, Instant]]:
        if not occurrences:
            return set()
        with self._database.reading() as connection:
            found = HAVE_ROWS.rows(connection, beside=Batch(list(occurrences)))
        return {(task_id, at) for task_id, at in found}

    def named_by_runs(self, keys: Collection[tuple[str, str, str]]) -> list[tuple[str, str]]:
        asked = {(task_id, mapping.to_json({name: run})): run for task_id, name, run in keys}
        if not asked:
            return []
        with self._database.reading() as connection:
            found = NAMED_BY_RUN.rows(connection, known=Batch(list(asked)))
        return [(task_id, asked[task_id, text]) for task_id, text in found]

    def followers(
        self, task_ids: Collection[str], since: Instant, after: str, limit: int
    ) -> list[Follower]:
        after = max(after, mapping.first_id(since))
        with self._database.reading() as connection:
            found = FOLLOWERS.rows(connection, ids=encode(task_ids), after=after, limit=limit)
        return [_follower_of(*row) for row in found]

    def known(self, run_ids: Collection[str]) -> dict[str, UpstreamFacts]:
        if not run_ids:
            return {}
        with self._database.reading() as connection:
            found = KNOWN.rows(connection, ids=encode(run_ids))
        return {run_id: UpstreamFacts(at, cause == Cause.SCHEDULE) for run_id, at, cause in found}


def _ended_of(row: Any) -> EndedRun:
    """Read a row of _ENDED; one that is damaged, or not over, names nothing."""
    run_id, task_id, fire_time, cause, state, attempt, code, options, finished_at = row
    is_over = state in FINAL and isinstance(attempt, int) and isinstance(finished_at, int)
    known = State(state) if state in FINAL else State.CANCELLED
    end = UpstreamEnd(run_id, task_id, fire_time, known, attempt if is_over else 0)
    names = (
        is_over
        and is_end(known, attempt, CODES.get(code))
        and (options is None or has_downstream(options))
    )
    return EndedRun(end, cause == Cause.SCHEDULE, names, finished_at if is_over else 0)


def has_downstream(options: Any) -> bool:
    """Return whether the end of a run with these options, as JSON, names occurrences."""
    found = _mapping(options)
    return found.get(DOWNSTREAM, True) is not False


def _follower_of(
    run_id: str, task_id: str, at: Any, cause: str, code: str | None, made: Any, upstream: Any
) -> Follower:
    return Follower(
        run_id,
        task_id,
        at if isinstance(at, int) else None,
        cause == Cause.SCHEDULE,
        CODES.get(code or "") is ReasonCode.HOLE,
        made if isinstance(made, int) else 0,
        {str(task): str(run) for task, run in _mapping(upstream).items()},
    )


def _mapping(text: Any) -> dict[str, Any]:
    try:
        found = parsed(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
