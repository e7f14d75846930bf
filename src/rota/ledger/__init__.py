"""The ledger: the tables in which everything is written before and after it happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rota.errors import LedgerError

if TYPE_CHECKING:
    from rota.core.ports import Clock, Ledger

__all__ = ["open_ledger"]


def open_ledger(url: str, *, clock: Clock) -> Ledger:
    """Return the ledger at `url`, not yet opened: `sqlite:///…`, `postgresql://…`, `memory://`.

    Raises LedgerError for an address that names none.
    """
    from rota.ledger.ledger import SqlLedger  # SQLAlchemy takes its time: only for who needs it

    scheme, separator, rest = url.partition("://")
    if url == "memory://":
        from rota.ledger.memory import SqliteMemory

        return SqlLedger(SqliteMemory(), clock)
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        from rota.ledger.sqlite import SqliteFile

        return SqlLedger(SqliteFile(url, Path(rest[1:])), clock)
    if scheme in ("postgresql", "postgresql+psycopg"):
        try:
            from rota.ledger.clock import DatabaseClock
            from rota.ledger.postgres import PostgresSchema
        except ImportError as error:
            raise LedgerError(
                f"A ledger in PostgreSQL needs a driver: {error}.",
                where="manager.ledger_url",
                remedy="Install it: pip install 'rota[postgres]'.",
            ) from error
        common = DatabaseClock(clock)
        return SqlLedger(PostgresSchema(url, common), common)
    raise LedgerError(
        f"{scheme + separator + '…' if separator else repr(url)} names no ledger.",
        where="manager.ledger_url",
        remedy='Write "sqlite:///rota.db" for a file (four slashes for an absolute path),'
        ' "postgresql://host/database" for a server, or "memory://".',
    )
