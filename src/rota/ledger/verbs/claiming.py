"""Which waiting runs may be claimed: the rule of exclusive tasks, and a quick way to find them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.elements import ColumnElement

from rota.core.time import Instant
from rota.ledger.schema.tables import is_running, is_waiting, is_waiting_apart, runs, tasks
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import Batch, Row, decode, encode, gathered, incoming, listed
from rota.ledger.sql.statement import Statement, all_of

_MARGIN = 100  # how far to look past `limit` before going from task to task instead

_now: BindParameter[Any] = bindparam("now")

# --- statements ---------------------------------------------------------------------------------


def _runs_beside(candidate: FromClause) -> ColumnElement[bool]:
    other = runs.alias("other")
    return (
        select(literal_column("1"))
        .where(
            is_running(other),
            other.c.task_id == candidate.c.task_id,
            other.c.overlap_key.is_not_distinct_from(candidate.c.overlap_key),
        )
        .exists()
    )


def _claimable(candidate: FromClause) -> ColumnElement[bool]:
    return and_(
        candidate.c.task_id.not_in(listed("exclude")),
        or_(~candidate.c.exclusive.is_(true()), ~_runs_beside(candidate)),
    )


_highest = (
    select(func.max(runs.c.priority).label("priority"))
    .where(is_waiting(runs))
    .cte("level", recursive=True)
)
_lower = runs.alias("lower")
_levels = _highest.union_all(
    select(
        select(func.max(_lower.c.priority))
        .where(is_waiting(_lower), _lower.c.priority < _highest.c.priority)
        .scalar_subquery()
    ).where(_highest.c.priority.is_not(None))
)
LEVELS = Statement(select(gathered(_levels.c.priority)).where(_levels.c.priority.is_not(None)))
"""The priorities of the waiting runs, found by leaping from one to the next along an index."""

_is_of_level = runs.c.priority == bindparam("level")
_head = (
    select(*mapping.CANDIDATE)
    .where(is_waiting(runs), _is_of_level, runs.c.available_at <= _now)
    .order_by(runs.c.available_at, runs.c.id)
    .limit(bindparam("depth"))
    .subquery("head")
)
HEAD_OF_QUEUE = Statement(
    select(
        func.count().label("seen"),
        gathered(*_head.c).filter(_claimable(_head)).label("claimable"),
    )
)
"""How many of the first `depth` runs of a priority there are whose time has come, and the
claimable among them (CANDIDATE). Quick unless the head is full of runs that may not start."""

_first = (
    select(func.min(runs.c.task_id).label("id")).where(is_waiting(runs)).cte("task", recursive=True)
)
_later = runs.alias("later")
_each_task = _first.union_all(
    select(
        select(func.min(_later.c.task_id))
        .where(is_waiting(_later), _later.c.task_id > _first.c.id)
        .scalar_subquery()
    ).where(_first.c.id.is_not(None))
)


def _next_of_task(task: FromClause, name: str, limit: ColumnElement[Any]) -> Select[Any]:
    own = runs.alias(name)
    return (
        select(own.c.id)
        .where(own.c.task_id == task.c.id, is_waiting(own), own.c.available_at <= _now)
        .order_by(own.c.available_at, own.c.id)
        .limit(limit)
        .correlate(task)
    )


_own = runs.alias("foremost")
_foremost_like_it = (
    select(_own.c.id)
    .where(
        _own.c.task_id == runs.c.task_id,
        _own.c.overlap_key.is_not_distinct_from(runs.c.overlap_key),
        is_waiting(_own),
        _own.c.available_at <= _now,
    )
    .order_by(_own.c.available_at, _own.c.id)
    .limit(literal_column("1"))
    .correlate(runs)
    .scalar_subquery()
)


def _of_each(task: FromClause) -> Select[Any]:
    return (
        select(*mapping.CANDIDATE)
        .join_from(task, runs, runs.c.id.in_(_next_of_task(task, "own", bindparam("limit"))))
        .where(
            task.c.id.not_in(listed("exclude")),  # again, so that none of their runs is read
            _is_of_level,
            _claimable(runs),
            or_(
                ~runs.c.exclusive.is_(true()),
                runs.c.id == _foremost_like_it,
            ),
        )
        .order_by(runs.c.available_at, runs.c.id)
        .limit(bindparam("limit"))
    )


QUEUE_BY_TASK = Statement(all_of(_of_each(_each_task)))
"""The claimable runs of a priority (CANDIDATE), found by going from task to task along an index:
it leaps over any number of runs of a task that may not start."""

QUEUE_OF_TASKS = Statement(all_of(_of_each(incoming("tasks", tasks.c.id))))
"""The claimable runs of a priority (CANDIDATE) of these tasks alone."""

_apart = (
    select(
        runs.c.id,
        func.row_number()
        .over(
            partition_by=(runs.c.task_id, runs.c.overlap_key),
            order_by=(runs.c.available_at, runs.c.id),
        )
        .label("place"),
    )
    .where(is_waiting_apart(runs), runs.c.available_at <= _now)
    .subquery("apart")
)


def _foremost(*of_tasks: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*mapping.CANDIDATE)
        .join_from(_apart, runs, runs.c.id == _apart.c.id)
        .where(_apart.c.place == literal_column("1"), _is_of_level, _claimable(runs), *of_tasks)
        .order_by(runs.c.available_at, runs.c.id)
        .limit(bindparam("limit"))
    )


FOREMOST_APART = Statement(all_of(_foremost()))
FOREMOST_APART_OF_TASKS = Statement(all_of(_foremost(runs.c.task_id.in_(listed("only")))))
"""The claimable runs of a priority (CANDIDATE) that are the first of their `overlap_key`: found
behind any number of runs with another one."""

LOCK_WAITING = Statement(
    all_of(
        select(*mapping.CANDIDATE)
        .where(runs.c.id.in_(listed("ids")), is_waiting(runs), runs.c.available_at <= _now)
        .order_by(runs.c.priority.desc(), runs.c.available_at, runs.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
)
"""The first of these runs (CANDIDATE), as they are by now, if they still wait; those that another
node is just claiming are left out, and the others kept until the end (PostgreSQL only)."""


# --- the way through them -----------------------------------------------------------------------


def candidates(
    connection: Connection,
    now: Instant,
    limit: int,
    exclude: Collection[str],
    of_tasks: Collection[str] | None,
) -> list[Row]:
    """Return up to `limit` rows of CANDIDATE: the highest priority first, then the oldest
    `available_at`."""
    excluded = encode(exclude)
    listed_tasks = None if of_tasks is None else Batch((task_id,) for task_id in of_tasks)
    found: list[Row] = []
    for level in sorted(LEVELS.rows(connection), key=_rank, reverse=True):
        room = limit - len(found)
        if room <= 0:
            break
        if listed_tasks is None:
            found += _of_level(connection, level, now, room, excluded)
        else:
            of_level = {"level": level, "now": now, "limit": room, "exclude": excluded}
            some = QUEUE_OF_TASKS.rows(connection, **of_level, tasks=listed_tasks)
            some += FOREMOST_APART_OF_TASKS.rows(
                connection, **of_level, only=encode(of_tasks or ())
            )
            found += sorted(some, key=_turn)
    found = _one_per_exclusive_task(found)
    if not found or connection.dialect.name == "sqlite":
        return found[:limit]
    # More than one node may have found these: each keeps those that no other is claiming at the
    # moment. An index prevents that two nodes take runs of one exclusive task, whatever they saw.
    ids = encode(row[0] for row in found)
    return LOCK_WAITING.rows(connection, ids=ids, now=now, limit=limit)


def _rank(level: Any) -> tuple[bool, Any]:
    """Return the sort key of priorities; those of damaged rows, which are no numbers, come last."""
    is_number = isinstance(level, int | float)
    return is_number, level if is_number else str(level)


def _of_level(
    connection: Connection, level: int, now: Instant, limit: int, excluded: str
) -> list[Row]:
    depths = [limit + _MARGIN]
    if limit < _MARGIN and connection.dialect.name == "sqlite":
        depths.insert(0, limit)  # it mostly suffices; elsewhere other nodes claim of the same head
    for depth in depths:
        given = {"level": level, "now": now, "depth": depth, "exclude": excluded}
        head: Any = HEAD_OF_QUEUE(connection, **given).one()
        seen, claimable = head
        found = _one_per_exclusive_task(decode(claimable))
        if len(found) >= limit or seen < depth:
            return found
    of_level = {"level": level, "now": now, "limit": limit, "exclude": excluded}
    some = QUEUE_BY_TASK.rows(connection, **of_level)
    some += FOREMOST_APART.rows(connection, **of_level)
    return _one_per_exclusive_task(sorted(some, key=_turn))


def _turn(row: Row) -> tuple[bool, Any, str]:
    """Return the sort key of a priority's runs; damaged times, which are no numbers, come last."""
    is_number = isinstance(row[3], int | float)
    return not is_number, row[3] if is_number else 0, row[0]


def _one_per_exclusive_task(ordered: Sequence[Row]) -> list[Row]:
    """Return the rows without those that wait for one before them, and none twice."""
    if not any(row[5] for row in ordered):
        return list({row[0]: row for row in ordered}.values())
    seen: set[tuple[str, str | None]] = set()
    chosen: dict[str, Row] = {}
    for row in ordered:
        turn, exclusive = (row[1], row[15]), row[5]
        if row[0] not in chosen and not (exclusive and turn in seen):
            seen.add(turn)
            chosen[row[0]] = row
    return list(chosen.values())
