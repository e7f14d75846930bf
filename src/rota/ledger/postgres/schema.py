"""The schema of a ledger in PostgreSQL: created, brought up to date, or left alone."""

from __future__ import annotations

from sqlalchemy import Connection

from rota.errors import LedgerError
from rota.ledger import migrations
from rota.ledger.schema.tables import REVISION

_UNHURRIED = (
    "SET LOCAL statement_timeout = 0;"
    " SET LOCAL lock_timeout = 0;"
    " SET LOCAL idle_in_transaction_session_timeout = 0"
)


def bring_up_to_date(connection: Connection, schema: str, where: str) -> None:
    """Check the schema, and run the missing migrations while no other node does."""
    with connection.begin():
        if _is_current(connection, schema, where):
            return
    with connection.begin():
        take_steps(connection, schema, where)


def take_steps(connection: Connection, schema: str, where: str) -> None:
    """Run the missing migrations within the transaction of `connection`, which keeps other nodes
    from running any until its end.
    """
    connection.exec_driver_sql(_UNHURRIED)
    connection.exec_driver_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(schema)s, 1))", {"schema": schema}
    )
    if not _has_schema(connection, schema):
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    if not _is_current(connection, schema, where):  # another node may have been faster
        migrations.upgrade(connection)


def _is_current(connection: Connection, schema: str, where: str) -> bool:
    revision = revision_of(connection, schema, where)
    if revision not in (None, REVISION):
        migrations.refuse_unknown(str(revision), where)
    return revision == REVISION


def _has_schema(connection: Connection, schema: str) -> bool:
    found = connection.exec_driver_sql(
        "SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s", {"schema": schema}
    )
    return found.first() is not None


def revision_of(connection: Connection, schema: str, where: str) -> str | None:
    """Return the revision of the tables, or None if there are none; raises LedgerError for tables
    that are not rota's.
    """
    tables = {
        name
        for (name,) in connection.exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = %(schema)s",
            {"schema": schema},
        )
    }
    if not tables:
        return None
    if not {"alembic_version", "runs", "nodes"} <= tables:
        raise LedgerError(
            f"The schema {schema} belongs to something else: it has tables, but not those of rota.",
            where=where,
            remedy="Name one of rota's own in manager.ledger_url: ?schema=…",
        )
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return "" if row is None else str(row[0])
