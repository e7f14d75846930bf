"""Which waiting runs may be claimed: the rule of exclusive tasks, and a quick way to find them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from rota.core.instants import Instant
from rota.ledger import statements as sql
from rota.ledger.jsonrows import Row, decode, encode

_MARGIN = 100  # how far to look past `limit` before going from task to task instead


def candidates(
    connection: Connection, now: Instant, limit: int, exclude: Collection[str]
) -> list[Row]:
    """Return up to `limit` rows of CANDIDATE: the highest priority first, then the oldest
    `available_at`."""
    excluded = encode(exclude)
    found: list[Row] = []
    for level in sorted(sql.LEVELS.rows(connection), reverse=True):
        if len(found) < limit:
            found += _of_level(connection, level, now, limit - len(found), excluded)
    found = _one_per_exclusive_task(found)
    if not found or connection.dialect.name == "sqlite":
        return found[:limit]
    # More than one node may have found these: each keeps what no other is just claiming. That
    # no two take runs of one exclusive task, whatever they saw, is judged by an index.
    ids = encode(row[0] for row in found)
    return sql.LOCK_WAITING.rows(connection, ids=ids, now=now, limit=limit)


def _of_level(
    connection: Connection, level: int, now: Instant, limit: int, excluded: str
) -> list[Row]:
    depth = limit + _MARGIN
    head = sql.HEAD_OF_QUEUE(connection, level=level, now=now, depth=depth, exclude=excluded).one()
    found = _one_per_exclusive_task(decode(head.claimable))
    if len(found) < limit and head.seen == depth:
        found = _one_per_exclusive_task(
            sql.QUEUE_BY_TASK.rows(connection, level=level, now=now, limit=limit, exclude=excluded)
        )
    return found


def _one_per_exclusive_task(rows: Iterable[Row]) -> list[Row]:
    tasks: set[str] = set()
    chosen: list[Row] = []
    for row in rows:
        task_id, exclusive = row[1], row[5]
        if not (exclusive and task_id in tasks):
            tasks.add(task_id)
            chosen.append(row)
    return chosen
