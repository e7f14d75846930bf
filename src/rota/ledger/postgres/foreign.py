"""Runs that are written by the application's own connection, in its transaction.

The statements are the same for every driver; they name the schema, for the search path is the
application's. Nodes are notified when that transaction commits.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rota.core.ports.records import Enqueued, NewRun, OnConflict
from rota.core.run import WAITING, State
from rota.core.task import Overlap
from rota.core.time import Instant
from rota.errors import StateError, UnknownTaskError
from rota.ledger.sql import mapping
from rota.ledger.verbs.enqueueing import taken_key

Rows = Sequence[Sequence[Any]]
Script = Generator[tuple[str, list[Any]], Rows, list[Enqueued]]
"""Yields statements with their parameters ($1, $2, …), and is sent their rows."""

_ACTIVE = "('queued', 'scheduled', 'running')"
_BOOLEAN = "exclusive"


def identity_query(schema: str) -> str:
    """Return the statement whose row is the same on all connections to one ledger, and on no
    other; it fails nowhere."""
    return (
        "SELECT extract(epoch FROM pg_postmaster_start_time())::text, current_database()::text,"
        f" to_regclass('{schema}.run_keys')::oid::text"
    )


def script(
    schema: str,
    identity: Sequence[Any],
    runs: Sequence[NewRun],
    on_conflict: OnConflict,
    key_until: Instant,
) -> Script:
    """Write runs of one task as `Transaction.enqueue` does; raises StateError for a connection
    that is not on the ledger's database, before anything is written."""
    found = yield identity_query(schema), []
    if not found or list(found[0]) != list(identity):
        raise elsewhere("it is on another database")
    task_id = runs[0].task_id
    known = yield (
        f"SELECT 1 FROM {schema}.tasks WHERE id = $1 AND removed_at IS NULL",
        [task_id],
    )
    if not known:
        raise UnknownTaskError(f"no task has the id {task_id!r}.")
    made: list[Enqueued] = []
    for run in runs:
        one = Enqueued(run.id)
        if run.key is not None:
            one = yield from _claimed(schema, run, on_conflict, key_until)
        made.append(one)
        if one.is_new:
            yield from _inserted(schema, run)
    yield f"SELECT pg_notify('rota_{schema}', '')", []
    return made


def _claimed(
    schema: str, run: NewRun, on_conflict: OnConflict, until: Instant
) -> Generator[tuple[str, list[Any]], Rows, Enqueued]:
    key = [run.task_id, run.key]
    taken = yield (
        f"INSERT INTO {schema}.run_keys AS held (task_id, key, run_id, until)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (task_id, key) DO UPDATE"
        " SET run_id = excluded.run_id, until = excluded.until"
        f" WHERE held.until <= $5 AND NOT EXISTS (SELECT 1 FROM {schema}.runs"
        f" WHERE runs.id = held.run_id AND runs.state IN {_ACTIVE}) RETURNING run_id",
        [*key, run.id, until, run.created_at],
    )
    if taken:
        return Enqueued(run.id)
    ((holder, state),) = yield (
        f"SELECT held.run_id, runs.state FROM {schema}.run_keys AS held"
        f" LEFT JOIN {schema}.runs ON runs.id = held.run_id"
        " WHERE held.task_id = $1 AND held.key = $2",
        key,
    )
    if on_conflict is OnConflict.RETURN:
        return Enqueued(holder, is_new=False)
    if on_conflict is OnConflict.ERROR:
        raise taken_key(run, holder, state)
    if state in WAITING:
        why = f"replaced by run {run.id}, enqueued with the same key"
        yield (
            f"UPDATE {schema}.runs SET state = 'cancelled', reason = $1, finished_at = $2,"
            " reason_code = 'replaced', checkpoint = NULL"
            " WHERE id = $3 AND state IN ('queued', 'scheduled') RETURNING id",
            [why, run.created_at, holder],
        )
    yield (
        f"UPDATE {schema}.run_keys SET run_id = $1, until = $2"
        " WHERE task_id = $3 AND key = $4 RETURNING run_id",
        [run.id, until, *key],
    )
    return Enqueued(run.id)


def _inserted(schema: str, run: NewRun) -> Generator[tuple[str, list[Any]], Rows, None]:
    if run.overlap is Overlap.REPLACE:
        yield from _replaced(schema, run)
    names = [column.name for column in mapping.ENQUEUED]
    values = [
        _plain(value, name) for name, value in zip(names, mapping.enqueued_row(run), strict=True)
    ]
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    yield f"INSERT INTO {schema}.runs ({columns}) VALUES ({marks}) RETURNING id", values


def _replaced(schema: str, run: NewRun) -> Generator[tuple[str, list[Any]], Rows, None]:
    why, same = "replaced by a run that was enqueued", "task_id = $2"
    given: list[Any] = [why, run.task_id]
    if run.overlap_key is None:
        same += " AND overlap_key IS NULL"
    else:
        same += " AND overlap_key = $3"
        given.append(run.overlap_key)
    yield (
        f"UPDATE {schema}.runs SET cancel_requested = $1"
        f" WHERE {same} AND state = 'running' AND cancel_requested IS NULL RETURNING id",
        given,
    )
    yield (
        f"UPDATE {schema}.runs SET state = 'cancelled', reason = $1,"
        f" finished_at = {int(run.created_at)}, reason_code = 'replaced', checkpoint = NULL"
        f" WHERE {same} AND state IN ('queued', 'scheduled') RETURNING id",
        given,
    )


def _plain(value: Any, name: str) -> Any:
    """Return a value in a form that every driver accepts for its column."""
    if name == _BOOLEAN:
        return bool(value)
    return str(value.value) if isinstance(value, State) or hasattr(value, "value") else value


def _together(statements: Script) -> Script:
    """Put the statements into a transaction, for a connection that commits each by itself."""
    yield "BEGIN", []
    try:
        found = yield from statements
    except BaseException:
        yield "ROLLBACK", []
        raise
    yield "COMMIT", []
    return found


# --- drivers ------------------------------------------------------------------------------------


def run_on(connection: Any, statements: Script) -> list[Enqueued]:
    """Run the statements on a connection that does not need awaiting; raises StateError."""
    execute = _executor(connection)
    if _commits_each(connection):
        statements = _together(statements)
    try:
        step = next(statements)
        while True:
            try:
                rows = execute(*step)
            except BaseException as error:
                step = statements.throw(error)
            else:
                step = statements.send(rows)
    except StopIteration as done:
        found: list[Enqueued] = done.value
        return found


async def run_on_async(connection: Any, statements: Script) -> list[Enqueued]:
    """Run the statements on a connection of an event loop, or on another one in its place."""
    kind = kind_of(connection)
    if kind == "sqlalchemy async":
        found: list[Enqueued] = await connection.run_sync(lambda own: run_on(own, statements))
        return found
    if kind not in ("asyncpg", "psycopg async"):
        return run_on(connection, statements)
    if _commits_each(connection):
        statements = _together(statements)
    execute = _by_asyncpg if kind == "asyncpg" else _by_async_psycopg
    try:
        step = next(statements)
        while True:
            try:
                rows = await execute(connection, *step)
            except BaseException as error:
                step = statements.throw(error)
            else:
                step = statements.send([tuple(row) for row in rows])
    except StopIteration as done:
        made: list[Enqueued] = done.value
        return made


def is_awaited(connection: Any) -> bool:
    """Return whether a connection belongs to an event loop."""
    return kind_of(connection) in ("sqlalchemy async", "asyncpg", "psycopg async")


_KINDS = {
    ("sqlalchemy", "AsyncSession"): "sqlalchemy async",
    ("sqlalchemy", "AsyncConnection"): "sqlalchemy async",
    ("sqlalchemy", "async_scoped_session"): "sqlalchemy async",
    ("sqlalchemy", "Session"): "sqlalchemy session",
    ("sqlalchemy", "scoped_session"): "sqlalchemy session",
    ("sqlalchemy", "Connection"): "sqlalchemy",
    ("psycopg", "Connection"): "psycopg",
    ("psycopg", "AsyncConnection"): "psycopg async",
    ("asyncpg", "Connection"): "asyncpg",
    ("asyncpg", "PoolConnectionProxy"): "asyncpg",
    ("django", "BaseDatabaseWrapper"): "django",
    ("django", "ConnectionProxy"): "django",
}


def kind_of(connection: Any) -> str:
    """Return what a connection is, "" for what is none that is known; imports no driver."""
    for one in type(connection).__mro__:
        found = _KINDS.get((one.__module__.partition(".")[0], one.__name__))
        if found is not None:
            return found
    return ""


def _executor(connection: Any) -> Callable[[str, list[Any]], Rows]:
    match kind_of(connection):
        case "psycopg":
            return lambda sql, values: _by_psycopg(connection, sql, values)
        case "django" if connection.vendor == "postgresql":
            return lambda sql, values: _by_cursor(connection, sql, values)
        case "sqlalchemy":
            return _by_sqlalchemy(connection)
        case "sqlalchemy session":
            return _by_sqlalchemy(connection.connection())
        case "sqlalchemy async" | "asyncpg" | "psycopg async":
            raise StateError(
                f"{_named(connection)} belongs to an event loop.",
                where="connection",
                remedy="Await aenqueue with it.",
            )
    raise elsewhere(f"{_named(connection)} is no connection to PostgreSQL that is known")


def _commits_each(connection: Any) -> bool:
    """Return whether a connection is in no transaction, and would commit each statement."""
    match kind_of(connection):
        case "asyncpg":
            return not connection.is_in_transaction()
        case "django":
            return bool(connection.get_autocommit()) and not connection.in_atomic_block
        case "sqlalchemy" | "sqlalchemy session":
            own = connection if hasattr(connection, "dialect") else connection.connection()
            return _commits_each(own.connection.dbapi_connection)
    idle = getattr(getattr(connection, "info", None), "transaction_status", 0) == 0
    return bool(getattr(connection, "autocommit", False)) and idle


async def _by_asyncpg(connection: Any, sql: str, values: list[Any]) -> Rows:
    rows: Rows = await connection.fetch(sql, *values)
    return rows


async def _by_async_psycopg(connection: Any, sql: str, values: list[Any]) -> Rows:
    async with connection.cursor(row_factory=_tuples()) as cursor:
        await cursor.execute(_percent(sql), values)
        rows: Rows = await cursor.fetchall() if cursor.description else []
        return rows


def _tuples() -> Any:
    """Return what makes tuples of psycopg's rows, whatever the connection's own rows are."""
    return importlib.import_module("psycopg.rows").tuple_row


def _by_psycopg(connection: Any, sql: str, values: list[Any]) -> Rows:
    with connection.cursor(row_factory=_tuples()) as cursor:
        cursor.execute(_percent(sql), values)
        rows: Rows = cursor.fetchall() if cursor.description else []
        return rows


def _by_cursor(connection: Any, sql: str, values: list[Any]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(_percent(sql), values)
        rows: Rows = cursor.fetchall() if cursor.description else []
        return rows


def _by_sqlalchemy(connection: Any) -> Callable[[str, list[Any]], Rows]:
    if connection.dialect.name != "postgresql":
        raise elsewhere(f"it is on {connection.dialect.name}")
    text = importlib.import_module("sqlalchemy").text

    def execute(sql: str, values: list[Any]) -> Rows:
        named = re.sub(r"\$(\d+)", r":p\1", sql.replace("::", "\\:\\:"))
        given = {f"p{place}": value for place, value in enumerate(values, 1)}
        found = connection.execute(text(named), given)
        rows: Rows = [tuple(row) for row in found] if found.returns_rows else []
        return rows

    return execute


def _percent(sql: str) -> str:
    """Return a statement with the placeholders of psycopg, whose parameters are used in order."""
    return re.sub(r"\$\d+", "%s", sql)


def elsewhere(why: str) -> StateError:
    """Return the error of a connection that cannot write the ledger's runs."""
    return StateError(
        f"the run cannot be part of the transaction of this connection: {why}.",
        where="connection",
        remedy="Give one on the ledger's PostgreSQL database, or on_commit=, which enqueues after"
        " your commit.",
    )


def _named(connection: Any) -> str:
    kind = type(connection)
    return f"a {kind.__module__}.{kind.__qualname__}"
