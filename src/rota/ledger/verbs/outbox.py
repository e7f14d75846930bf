"""Which waiting runs a broker is given, and which of those that it delivered may be claimed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)

from rota.core.ports.ledger import Limits, Publish
from rota.core.time import Instant
from rota.ledger.schema.tables import is_running, is_waiting, runs
from rota.ledger.sql import claim_mapping, mapping
from rota.ledger.sql.json_batch import Row, encode, listed
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.verbs import limits as limit_verbs
from rota.ledger.verbs.limits import Start

_now: BindParameter[Any] = bindparam("now")

_one: ColumnElement[Any] = literal_column("1")
_other, _earlier = runs.alias("other"), runs.alias("earlier")
_is_its_turn = or_(
    ~runs.c.exclusive.is_(true()),
    and_(
        ~select(_one)
        .where(
            is_running(_other),
            _other.c.task_id == runs.c.task_id,
            _other.c.overlap_key.is_not_distinct_from(runs.c.overlap_key),
        )
        .exists(),
        ~select(_one)
        .where(
            is_waiting(_earlier),
            _earlier.c.task_id == runs.c.task_id,
            _earlier.c.overlap_key.is_not_distinct_from(runs.c.overlap_key),
            tuple_(_earlier.c.available_at, _earlier.c.id) < tuple_(runs.c.available_at, runs.c.id),
        )
        .exists(),
    ),
)

UNPUBLISHED = Statement(
    all_of(
        select(*mapping.CANDIDATE)
        .where(
            is_waiting(runs),
            runs.c.published_at.is_(None),
            runs.c.available_at <= _now,
            runs.c.task_id.not_in(listed("exclude")),
            _is_its_turn,
        )
        .order_by(runs.c.available_at, runs.c.id)
        .limit(bindparam("limit"))
        .with_for_update(of=runs, skip_locked=True)
    )
)
"""The first runs (CANDIDATE) that may start and that no broker has, locked until the end."""

PUBLISH = Statement(
    update(runs).where(runs.c.id.in_(listed("ids")), is_waiting(runs)).values(published_at=_now)
)

WITHDRAW = Statement(
    update(runs).where(runs.c.id.in_(listed("ids")), is_waiting(runs)).values(published_at=null())
)

RECALL = Statement(
    update(runs)
    .where(
        runs.c.id.in_(
            select(runs.c.id)
            .where(is_waiting(runs), runs.c.published_at < bindparam("before"))
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(published_at=null())
)

OVERDUE = Statement(
    all_of(
        select(runs.c.task_id, func.count())
        .where(is_waiting(runs), runs.c.published_at < bindparam("before"))
        .group_by(runs.c.task_id)
    )
)
"""Of each task, how many runs wait that were published before."""

DELIVERED = Statement(
    all_of(
        select(*mapping.CANDIDATE)
        .where(
            runs.c.id.in_(listed("ids")), is_waiting(runs), runs.c.available_at <= _now,
            _is_its_turn,
        )
        .order_by(runs.c.priority.desc(), runs.c.available_at, runs.c.id)
        .with_for_update(of=runs, skip_locked=True)
    )
)  # fmt: skip
"""Those of the runs (CANDIDATE) that may start, locked until the end."""


def offer(
    connection: Connection,
    now: Instant,
    limit: int,
    exclude: Collection[str],
    publish: Publish,
    limits: Limits | None,
) -> int:
    """See `Transaction.offer`."""
    found = UNPUBLISHED.rows(connection, now=now, limit=limit, exclude=encode(exclude))
    waiting = [claim_mapping.waiting_of(row) for row in found]
    if limits is not None:
        starts = [Start(run.run_id, run.task_id, max(run.available_at, now)) for run in waiting]
        let = set(limit_verbs.offered(connection, now, starts, limits))
        waiting = [run for run in waiting if run.run_id in let]
    if waiting:
        published = publish(waiting, own_of(connection))
        if published:
            PUBLISH(connection, ids=encode(published), now=now)
    return len(found)


def own_of(connection: Connection) -> Any:
    """Return the DBAPI connection under this one."""
    return connection.connection.dbapi_connection


def delivered(connection: Connection, now: Instant, run_ids: Collection[str]) -> list[Row]:
    """Return those of the runs that may start (CANDIDATE); the others are marked unpublished."""
    found = DELIVERED.rows(connection, ids=encode(run_ids), now=now)
    others = set(run_ids).difference(row[0] for row in found)
    if others:
        WITHDRAW(connection, ids=encode(others))
    return found
