"""The ledger: the tables in which everything is written before and after it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rota.ledger.urls import LedgerKind, kind_of, needing_driver, path_of

if TYPE_CHECKING:
    from rota.core.ports.clock import Clock
    from rota.core.ports.ledger import Ledger

__all__ = ["open_ledger"]


def open_ledger(url: str, *, clock: Clock) -> Ledger:
    """Return the ledger at `url`, not yet opened: `sqlite:///…`, `postgresql://…`, `memory://`.

    Raises LedgerError for an address that names none.
    """
    # SQLAlchemy takes long to import: only a process that opens a ledger does it.
    from rota.ledger.ledger import SqlLedger

    match kind_of(url):
        case LedgerKind.MEMORY:
            from rota.ledger.sqlite.memory import SqliteMemory

            return SqlLedger(SqliteMemory(), clock)
        case LedgerKind.FILE:
            from rota.ledger.sqlite.database import SqliteFile

            return SqlLedger(SqliteFile(url, path_of(url)), clock)
        case LedgerKind.SERVER:
            with needing_driver():
                from rota.ledger.postgres.clock import DatabaseClock
                from rota.ledger.postgres.database import PostgresSchema
            common = DatabaseClock(clock)
            return SqlLedger(PostgresSchema(url, common), common)
