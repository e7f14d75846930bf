"""Whose turn it is to decide, where several may write at once."""

from __future__ import annotations

from sqlalchemy import Connection

from rota.ledger.sql import statements as sql


def take_turn(connection: Connection) -> None:
    """Wait for the others who decide about what is there; this transaction has the turn to its end.

    In SQLite, a transaction that writes has it from the start.
    """
    if connection.dialect.name != "sqlite":
        sql.TAKE_TURN(connection)
