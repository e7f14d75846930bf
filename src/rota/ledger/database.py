"""The interface of a database that can keep the ledger."""

from __future__ import annotations

from contextlib import AbstractContextManager
from logging import NOTSET, WARNING, getLogger
from typing import Any, Protocol

from sqlalchemy import Connection

from rota.runtime.signal_count import SignalCount

QUIET: dict[str, Any] = {"logging_name": "rota", "pool_logging_name": "rota"}
"""Options of an SQLAlchemy engine that keep its statements out of every log, even if the
application logs everything from SQLAlchemy: a handler that reads the ledger would call itself.
"""

for _name in ("sqlalchemy.engine.Engine.rota", "sqlalchemy.pool.impl.QueuePool.rota"):
    if (_logger := getLogger(_name)).level == NOTSET:
        _logger.setLevel(WARNING)


class Database(Protocol):
    """Connections to one database; its own errors are raised as `LedgerError`s."""

    look_every: float
    """Seconds between two looks for commits of other processes; `committed` may be given sooner."""

    committed: SignalCount
    """Given with each commit that this process made or heard of."""

    @property
    def url(self) -> str:
        """Return the address, with secrets masked."""

    def open(self) -> None:
        """Connect and bring the schema up to date; callable again after close."""

    def close(self) -> None:
        """Disconnect; safe to call twice, and without an open."""

    def gateway(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that writes, commit it at the end, or roll it back on an error.

        For one thread, and for a `Statement`: what is lent may be no more of a connection than
        that needs. Raises LedgerUnavailableError if it cannot begin or commit.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend a connection that sees one moment; for any thread."""

    def version(self) -> int:
        """Return a number that differs after each commit of any process, perhaps a little later.

        A commit of this process shows at once.
        """
