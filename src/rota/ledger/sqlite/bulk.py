"""A whole ledger in a file: read at rest, or written next to its place and then moved there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from sqlite3 import Connection as Driver
from stat import S_IMODE

from sqlalchemy import Connection, Table, inspect

from rota.core.ports.clock import Clock
from rota.core.time import Instant
from rota.errors import LedgerUnavailableError
from rota.ledger import migrations
from rota.ledger.errors import explained
from rota.ledger.schema.tables import REVISION
from rota.ledger.sqlite.creation import create_tables
from rota.ledger.sqlite.database import ALL, connect, give_identity, make_engine
from rota.ledger.sqlite.integrity import connect_read_only, examine, log_of
from rota.ledger.sqlite.marks import make_directory
from rota.ledger.transfer.bulk import TABLES, Row, refuse_rows
from rota.runtime import private_files

UNFINISHED = ".copying"
"""The suffix of a file's name until it is complete: a killed process leaves it, and the next copy
recreates it.
"""

_LOADER = (
    *ALL,
    "PRAGMA journal_mode = OFF",  # what is not finished is thrown away
    "PRAGMA synchronous = FULL",
)


class SqliteBulk:
    """The ledger in a file as a whole."""

    def __init__(self, url: str, path: Path, clock: Clock) -> None:
        self.url = url
        self._path = path.resolve()  # the file itself is replaced, not a link to it
        self._clock = clock

    def explained(self) -> AbstractContextManager[None]:
        return explained(self.url)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection that cannot write."""
        migrations.require_current(examine(self._path), self.url)
        with self._connected(lambda: connect_read_only(self._path)) as connection:
            yield connection

    @contextmanager
    def loading(self) -> Iterator[Connection]:
        """Lend a connection to a file next to its place."""
        make_directory(self._path, self.url)
        with self._alone() as directory:
            self._require_empty()
            unfinished = self._path.with_name(self._path.name + UNFINISHED)
            unfinished.unlink(missing_ok=True)
            private_files.make_file(unfinished)
            if self._path.exists():  # the file mode of the file that it replaces
                unfinished.chmod(S_IMODE(self._path.stat().st_mode))
            try:
                with self._connected(lambda: connect(str(unfinished), _LOADER, timeout=0)) as new:
                    create_tables(new)
                    give_identity(new)
                    yield new
                self._require_empty()  # it took a while
                unfinished.replace(self._path)
                os.fsync(directory)
            finally:
                unfinished.unlink(missing_ok=True)

    def load(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, Driver)
        marks = ", ".join("?" * len(table.c))
        names = ", ".join(f'"{column.name}"' for column in table.c)
        driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows).close()

    def now(self, connection: Connection) -> Instant:
        return self._clock.now()

    @contextmanager
    def _connected(self, connect: Callable[[], Driver]) -> Iterator[Connection]:
        engine = make_engine(connect, "BEGIN")
        try:
            with self.explained(), engine.connect() as connection, connection.begin():
                yield connection
        finally:
            engine.dispose()

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """Keep every other copy out of the directory, until this process ends at the latest."""
        try:
            with ExitStack() as undo:
                directory = os.open(self._path.parent, os.O_RDONLY)
                undo.callback(os.close, directory)
                self._lock(directory)
                yield directory
        except OSError as error:
            raise LedgerUnavailableError(
                f"The copy cannot be put in its place: {error.strerror}.",
                where=self.url,
                remedy=f"Let this user write in {self._path.parent}.",
            ) from error

    def _lock(self, directory: int) -> None:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LedgerUnavailableError(
                "Another `rota db copy` is writing into this directory.",
                where=self.url,
                remedy="Wait for its end, or stop it.",
            ) from error

    def _require_empty(self) -> None:
        revision = examine(self._path)
        if revision is not None:
            if revision != REVISION:
                migrations.refuse_unknown(revision, self.url)
            with self._connected(lambda: connect_read_only(self._path)) as connection:
                present = inspect(connection).get_table_names()  # an older one has not all of them
                refuse_rows(connection, [one for one in TABLES if one.name in present], self.url)
        log = log_of(self._path)
        if log.exists():  # it would be taken for that of the copy
            raise LedgerUnavailableError(
                f"There is a write-ahead log, {log.name}: its user is up, or was killed.",
                where=self.url,
                remedy="Stop the process that uses it, or move that file away, or name another.",
            )
