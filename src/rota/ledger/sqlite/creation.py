"""Creates the tables of a new file at once: `schema.sql` is the result of all migrations.

Loading Alembic and running each migration would cost a third of a second of a first start.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

_SCHEMA = Path(__file__).with_name("schema.sql")


def create_tables(connection: Connection) -> None:
    """Make every table, index and trigger in an empty database, within the transaction of
    `connection`, and note that no migration is missing."""
    for statement in _SCHEMA.read_text(encoding="utf-8").splitlines():
        connection.exec_driver_sql(statement)


def is_empty(connection: Connection) -> bool:
    """Return whether the database has no tables, nor anything else."""
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first() is None


def statements_of(connection: Connection) -> str:
    """Return the statements that make what is in a database in that order, one a line; of rows
    only the revision."""
    made = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    ).all()
    lines = [" ".join(sql.split()) for (sql,) in made]
    (revision,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
    lines.append(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")
    return "\n".join(lines) + "\n"
