"""A ledger that lives as long as it is open: the same SQL, on a database without a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from rota.ledger.errors import closed, explained
from rota.ledger.sqlite.creation import create_tables
from rota.ledger.sqlite.database import ALL, connect, make_engine
from rota.runtime.signal_count import SignalCount


class SqliteMemory:
    """One connection, which is the whole database: readers and the writer wait for each other.

    Two connections could share such a database, but then SQLite refuses to read a table while the
    other one writes to it.
    """

    url = "memory://"
    look_every = 1.0  # no other process commits

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._connection: Connection | None = None
        self._commits = 0
        self.committed = SignalCount()

    def open(self) -> None:
        """Make a new, empty database."""
        with self._turn:
            if self._connection is None:
                engine = make_engine(lambda: connect(":memory:", ALL, timeout=0), "BEGIN")
                connection = engine.connect()
                with connection.begin():
                    create_tables(connection)
                self._connection = connection

    def close(self) -> None:
        """Forget everything."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
                connection.engine.dispose()

    @contextmanager
    def gateway(self) -> Iterator[Connection]:
        """Lend the connection for a transaction."""
        with self.reading() as connection:
            yield connection
        self._commits += 1

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend the connection when no other thread has it."""
        with self._turn:
            if self._connection is None:
                raise closed(self.url)
            with explained(self.url), self._connection.begin():
                yield self._connection

    def version(self) -> int:
        """Return the number of commits."""
        if self._connection is None:
            raise closed(self.url)
        return self._commits
