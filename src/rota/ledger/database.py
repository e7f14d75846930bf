"""What a database must offer so that the ledger can be kept in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from logging import NOTSET, WARNING, getLogger
from typing import Any, Protocol

from sqlalchemy import Connection

from rota.runtime.signal_count import SignalCount

QUIET: dict[str, Any] = {"logging_name": "rota", "pool_logging_name": "rota"}
"""Options of an engine by which its statements reach no log, also where the application logs all
that SQLAlchemy does: a handler that looks into the ledger would call itself."""

for _name in ("sqlalchemy.engine.Engine.rota", "sqlalchemy.pool.impl.QueuePool.rota"):
    if (_logger := getLogger(_name)).level == NOTSET:
        _logger.setLevel(WARNING)


class Database(Protocol):
    """Connections to one database; its errors come as `LedgerError`s where they are its own."""

    look_every: float
    """Seconds between two looks for commits of other processes; `committed` may be given sooner."""

    committed: SignalCount
    """Given with each commit that this process made or heard of."""

    @property
    def url(self) -> str:
        """Return the address, with secrets masked."""

    def open(self) -> None:
        """Connect and bring the schema up to date; callable once more after close."""

    def close(self) -> None:
        """Disconnect; safe twice and unopened."""

    def gateway(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that writes, commit it at the end, or roll it back on an error.

        For one thread. Raises LedgerUnavailableError where it cannot begin or commit.
        """

    def direct(self) -> AbstractContextManager[Connection]:
        """Begin a transaction as `gateway` does, for a few statements that are texts: with as
        little around them as the driver allows."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend a connection that sees one moment; for any thread."""

    def version(self) -> int:
        """Return a number that differs after each commit of anybody's, if need be a little later.

        What this process committed itself shows at once.
        """
