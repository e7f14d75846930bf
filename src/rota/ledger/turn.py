"""The order of transactions that decide, if several may write at once."""

from __future__ import annotations

from sqlalchemy import Connection

from rota.ledger.sql import statements as sql


def take_turn(connection: Connection) -> None:
    """Wait for the other transactions that decide about the stored rows; this transaction has the
    turn to its end.

    In SQLite, a writing transaction has it from the start.
    """
    if connection.dialect.name != "sqlite":
        sql.TAKE_TURN(connection)
