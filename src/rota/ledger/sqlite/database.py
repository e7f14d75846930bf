"""The ledger in an SQLite file: one connection writes, a few others read the last commit."""

from __future__ import annotations

import ctypes
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from rota.errors import LedgerUnavailableError
from rota.ledger import migrations
from rota.ledger.database import QUIET
from rota.ledger.errors import closed, explained
from rota.ledger.schema.tables import REVISION
from rota.ledger.sqlite.checkpoints import Checkpointer
from rota.ledger.sqlite.creation import create_tables, is_empty
from rota.ledger.sqlite.direct import transaction
from rota.ledger.sqlite.file_guard import FileGuard
from rota.ledger.sqlite.integrity import examine
from rota.ledger.sqlite.marks import make_directory, mark
from rota.runtime import fork_safety, private_files
from rota.runtime.signal_count import SignalCount

BUSY_TIMEOUT = 5.0  # seconds to wait for another process that writes

_TURN = 0.02  # seconds between two tries if SQLite itself does not wait

ALL = (
    "PRAGMA cache_size = -16384",  # KiB: the hot ends of a large ledger's indexes
    "PRAGMA temp_store = MEMORY",
)
_WRITER = (
    *ALL,
    "PRAGMA synchronous = FULL",  # a commit that was answered survives a power cut
    "PRAGMA wal_autocheckpoint = 40000",  # pages; before that, see `checkpoints`
    "PRAGMA journal_size_limit = 67108864",
)
_CHECKPOINT = ("PRAGMA synchronous = FULL",)
_READER = (*ALL, "PRAGMA query_only = ON")


def make_engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    """Return an engine over such connections that opens every transaction with `begin`.

    Left to itself, Python's sqlite3 begins before some statements only, and too late.
    """
    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=-1,
        **QUIET,
        paramstyle="named",
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def connect(database: str, pragmas: Sequence[str], *, timeout: float) -> sqlite3.Connection:
    """Connect for use in any one thread at a time, without transactions of Python's own."""
    connection = sqlite3.connect(
        database,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    # One text that is no UTF-8 would be an error of all that is read with it.
    connection.text_factory = _decoded
    try:
        for pragma in pragmas:
            connection.execute(pragma).close()
    except BaseException:
        connection.close()
        raise
    return connection


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _connect_writer(path: str, timeout: float) -> sqlite3.Connection:
    connection = connect(path, _WRITER, timeout=timeout)
    try:
        _switch_to_wal(connection, timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to the write-ahead log, so that readers and the writer never wait for each other; does
    nothing if that is on.

    If two processes switch a new file at once, each holds what the other needs. SQLite then reports
    that to one of them at once, without its usual wait: so the waiting is done here.
    """
    connection.execute("PRAGMA busy_timeout = 0").close()
    for turns_left in reversed(range(max(round(timeout / _TURN), 1))):
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not turns_left:
                raise
            time.sleep(_TURN)
    connection.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}").close()


def give_identity(connection: Connection) -> None:
    """Write a number into a new database, so that no other one is taken for it."""
    connection.exec_driver_sql(f"PRAGMA user_version = {random.randint(1, 2**31 - 1)}")


_files: WeakSet[SqliteFile] = WeakSet()
_lost: set[Path] = set()  # files that this process can open no more


@fork_safety.in_child
def _let_go() -> None:
    for file in _files:
        file.let_go()


class SqliteFile:
    """A file as the ledger's database."""

    look_every = 0.02  # a look costs microseconds

    def __init__(self, url: str, path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self._url = url
        self._path = path.absolute()  # whatever directory this process changes to
        self._timeout = busy_timeout
        self._open: _OpenFile | None = None
        self.committed = SignalCount()
        _files.add(self)

    @property
    def url(self) -> str:
        return self._url

    def open(self) -> None:
        """Check the file, run missing migrations, and connect."""
        if self._open is None:
            self._refuse_lost()
            with fork_safety.undivided():
                revision = examine(self._path)
                if revision not in (None, REVISION):
                    migrations.refuse_unknown(str(revision), self._url)
                make_directory(self._path, self._url)
                if revision is None:
                    private_files.make_file(self._path)  # its log and its index take its mode
                with explained(self._url):
                    self._open = _OpenFile(
                        self._path, self._url, self._timeout, migrate=revision != REVISION
                    )
                mark(self._path)

    def close(self) -> None:
        """Disconnect, the writer last: it empties the write-ahead log into the file."""
        connections, self._open = self._open, None
        if connections is not None:
            with fork_safety.undivided():
                connections.close()

    def let_go(self) -> None:
        """Close, in a child process, the connections of its parent, so that it may open its own.

        SQLite counts its locks per process in memory, and a child inherits the count but not the
        locks: a connection of its own would lock nothing as long as one of its parent's is open.
        Closing these is harmless if none was in use at the fork. What was in use is left as it is.
        """
        connections, self._open = self._open, None
        if not fork_safety.was_undivided():
            fork_safety.keep_in_child(connections)
            _lost.add(self._path.absolute())
        elif connections is not None:
            connections.let_go()

    @contextmanager
    def gateway(self) -> Iterator[Connection]:
        """Lend the writer's connection, in a transaction that no other writer shares; for
        statements that are texts: there is no SQLAlchemy around it."""
        connections = self._opened()
        with fork_safety.undivided():
            connections.check_place()
            with explained(self._url), connections.writing() as connection:
                yield connection
            connections.check_place()  # what was committed to a file that is gone would be lost

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a reader's connection, in a transaction that sees the last commit throughout."""
        connections = self._opened()
        connections.place.check()
        with (
            fork_safety.undivided(),
            explained(self._url),
            connections.readers.connect() as connection,
        ):
            with connection.begin():
                yield connection
            if self._open is not connections:
                connection.invalidate()  # closed meanwhile: nothing else would close this one

    def version(self) -> int:
        connections = self._opened()
        connections.place.check()
        with fork_safety.undivided(), explained(self._url):
            return connections.data_version()

    def _opened(self) -> _OpenFile:
        if self._open is None:
            raise closed(self._url)
        return self._open

    def _refuse_lost(self) -> None:
        if self._path.absolute() in _lost:
            raise LedgerUnavailableError(
                f"Process {os.getppid()} was using the ledger at the moment it forked this one,"
                " which therefore cannot lock it.",
                where=self._url,
                remedy="Start a fresh process instead (multiprocessing: the method 'spawn').",
            )


class _OpenFile:
    """The connections to an open file: a writer, readers, and one that watches for commits."""

    def __init__(self, file: Path, url: str, timeout: float, *, migrate: bool) -> None:
        path = str(file)
        with ExitStack() as undo:
            engine = make_engine(lambda: _connect_writer(path, timeout), "BEGIN IMMEDIATE")
            undo.callback(engine.dispose)
            self.writer = undo.enter_context(engine.connect())
            if migrate:
                with self.writer.begin():
                    if is_empty(self.writer):
                        create_tables(self.writer)
                    else:
                        migrations.upgrade(self.writer)
                    if not self._identity():
                        give_identity(self.writer)
            self.place = FileGuard(file, url, self._identity())
            self.readers = make_engine(lambda: connect(path, _READER, timeout=timeout), "BEGIN")
            undo.callback(self.readers.dispose)
            self._url = url
            self._watcher = connect(path, _READER, timeout=timeout)
            self._watching = threading.Lock()
            self._watched = True
            undo.callback(self._end_watching)
            checkpointer = Checkpointer(
                path, lambda: connect(path, _CHECKPOINT, timeout=timeout), self.place.check
            )
            undo.callback(checkpointer.stop)
            self.close: Callable[[], Any] = undo.pop_all().close

    def let_go(self) -> None:
        """Close the connections alone: the thread that checkpoints is not there in a child."""
        self._end_watching()
        self.readers.dispose()
        self.writer.close()
        self.writer.engine.dispose()

    def writing(self) -> AbstractContextManager[Connection]:
        """Begin a transaction on the driver of the writer."""
        return transaction(self._driver, self.writer.dialect)

    def check_place(self) -> None:
        """Raise if the file is no longer the one that was opened; for the writer's thread.

        The log lies next to the file that is there now. It is emptied into the file that it belongs
        to, before another process takes it for the log of the other file.
        """
        try:
            self.place.check()
        except LedgerUnavailableError:
            self._empty_log()
            raise

    def _empty_log(self) -> None:
        self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def _identity(self) -> int:
        # Without SQLAlchemy, which would begin a transaction: other threads may be in one just now.
        (number,) = self._driver.execute("PRAGMA user_version").fetchone()
        return int(number)

    @property
    def _driver(self) -> Any:
        return self.writer.connection.dbapi_connection

    def _end_watching(self) -> None:
        # A connection that is closed within a call of another thread ends the process.
        with self._watching:
            self._watched = False
            if self.place.is_overwritten:
                # The last connection that closes writes the log into the file, over what is there
                # now: so one stays open until the process ends, also while the interpreter does.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._watcher))
            else:
                self._watcher.close()

    def data_version(self) -> int:
        """Return a number that differs after each commit of any other connection."""
        with self._watching:
            if not self._watched:
                raise closed(self._url)
            (number,) = self._watcher.execute("PRAGMA data_version").fetchone()
            return int(number)
