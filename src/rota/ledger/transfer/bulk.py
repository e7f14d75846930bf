"""A ledger that no process has open, read or written as a whole: the interface that `copying` needs
of a database.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Table, select

from rota.core.ports.clock import Clock
from rota.core.time import Instant
from rota.errors import LedgerError
from rota.ledger.schema import metadata
from rota.ledger.urls import LedgerKind, kind_of, needing_driver, path_of

Row = tuple[Any, ...]

TABLES = tuple(metadata.tables.values())
"""Everything that a ledger is."""


class Bulk(Protocol):
    """A ledger as a whole, at one address; its database's errors come as `LedgerError`s."""

    @property
    def url(self) -> str:
        """Return the address, with secrets masked."""

    def explained(self) -> AbstractContextManager[None]:
        """Turn errors of the driver into errors of rota."""

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Lend a connection that sees one moment as long as it is open, and changes nothing.

        Raises LedgerError if there is no ledger, or one of another revision.
        """

    def loading(self) -> AbstractContextManager[Connection]:
        """Lend a connection to a new ledger without rows: kept at the end, discarded on an error.

        Until the end no other process sees anything of it, whichever process is killed. Raises
        LedgerError, and changes nothing, if there are rows already or another process is loading.
        """

    def load(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Write rows of all columns, in their order; they are held in memory one by one only."""

    def now(self, connection: Connection) -> Instant:
        """Return the time that the leases in this ledger go by."""


def bulk_at(url: str, clock: Clock, where: str) -> Bulk:
    """Return the ledger at an address; `where` is where it was given; raises LedgerError."""
    match kind_of(url, where):
        case LedgerKind.FILE:
            from rota.ledger.sqlite.bulk import SqliteBulk

            return SqliteBulk(url, path_of(url), clock)
        case LedgerKind.SERVER:
            with needing_driver(where):
                from rota.ledger.postgres.bulk import PostgresBulk
            return PostgresBulk(url)
        case LedgerKind.MEMORY:
            raise LedgerError(
                "A ledger in memory is only there in its own process.",
                where=where,
                remedy='Name a file ("sqlite:///rota.db") or a server ("postgresql://…").',
            )


def refuse_rows(connection: Connection, tables: Iterable[Table], where: str) -> None:
    """Raise LedgerError if any of the tables has a row."""
    queries = {table.name: select(1).select_from(table).limit(1) for table in tables}
    full = [name for name, query in queries.items() if connection.execute(query).first()]
    if full:
        raise LedgerError(
            f"This ledger is not empty, and was left untouched: see {', '.join(full)}.",
            where=where,
            remedy="Name an empty place: a file that does not exist, or another ?schema=….",
        )
