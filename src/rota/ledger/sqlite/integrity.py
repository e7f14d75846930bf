"""Checks a file before anything is written to it: whether it is a ledger, and of which revision."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from rota.errors import LedgerCorruptError, LedgerError, LedgerUnavailableError
from rota.ledger.errors import RESTORE, explain

_LOG_HEAD, _FRAME_HEAD = 32, 24  # bytes
_CHECKED_WHOLE = 8 * 2**20  # bytes up to which every page is checked: some 20 ms


def examine(path: Path) -> str | None:
    """Return the revision of the ledger in `path`, or None if there is none yet.

    There is none yet if there is no file, an empty one or a database without tables. SQLite makes
    an empty file before the first write, so that a second process may find one at any start;
    nothing can be lost by filling it. Raises LedgerCorruptError for a file that is no sound
    database, LedgerError for a database that is not rota's; neither the file nor its directory is
    changed.

    Only SQLite itself opens the file. Closing it once would end every lock that this process has on
    it, and another process would then empty the log under a ledger that is open here.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerUnavailableError(
            f"The ledger cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Check the path and the rights of this user.",
        ) from error
    return _revision_at_rest(path) if found.st_size else None


def _revision_at_rest(path: Path, tries: int = 4) -> str | None:
    before = _stamp(path)
    try:
        return _revision(path)
    except (sqlite3.Error, LedgerCorruptError) as error:
        if tries > 1 and _stamp(path) != before:
            # Another process was just opening or closing it: half a checkpoint is no damage.
            return _revision_at_rest(path, tries - 1)
        if isinstance(error, sqlite3.Error) and _is_no_database(error):
            raise LedgerCorruptError(
                f"This file is no SQLite database: {error}.",
                where=str(path),
                remedy="Name another file in manager.ledger_url, or move this one away.",
            ) from error
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(path)) from error
        raise


def _is_no_database(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


def _stamp(path: Path) -> tuple[object, object]:
    """Return a value that differs if the file or its write-ahead log has been written meanwhile."""
    return _state(path), _state(log_of(path))


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def log_of(path: Path) -> Path:
    """Return the path of the ledger's write-ahead log, which exists while the ledger is open in any
    process, and after its last process was killed.
    """
    return path.with_name(path.name + "-wal")


def _revision(path: Path) -> str | None:
    with closing(connect_read_only(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if "alembic_version" not in tables or "runs" not in tables:
            raise LedgerError(
                "This database belongs to something else: it has tables, but not those of rota.",
                where=str(path),
                remedy="Give rota a file of its own in manager.ledger_url.",
            )
        _check_length(connection, path)
        if path.stat().st_size <= _CHECKED_WHOLE:
            _check(connection, path)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return "" if row is None else str(row[0])


def _check_length(connection: sqlite3.Connection, path: Path) -> None:
    """Raise LedgerCorruptError if the file ends before its last page does: SQLite would read the
    rest of that page as zeros. If it was cut off in a checkpoint, the log has those pages.
    """
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    size = path.stat().st_size
    missing = set(range(size // page + 1, pages + 1))
    if not missing and not size % page:
        return
    logged = _pages_in(log_of(path), page)
    if not logged or not missing <= logged:
        raise LedgerCorruptError(
            f"The ledger is damaged: the file has {size:,} bytes, and {pages:,} pages of {page:,}"
            " bytes belong there.",
            where=str(path),
            remedy=RESTORE,
        )


def _pages_in(log: Path, page: int) -> set[int]:
    """Return the numbers of the pages that a write-ahead log has, as its format says: frames of one
    page each, which are valid if they have the salt of the log's head.
    """
    found: set[int] = set()
    try:
        with log.open("rb") as file:  # SQLite's locks are on the other files
            salt = file.read(_LOG_HEAD)[16:24]
            while len(frame := file.read(_FRAME_HEAD)) == _FRAME_HEAD and frame[8:16] == salt:
                found.add(int.from_bytes(frame[:4], "big"))
                file.seek(page, os.SEEK_CUR)
    except OSError:
        return set()
    return found


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise LedgerCorruptError(
            f"The ledger is damaged: {verdict.removeprefix('*** in database main ***').strip()}.",
            where=str(path),
            remedy=RESTORE,
        )


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection for reading; if no other process has the file open, it leaves no files
    next to it.

    Even a reader of a WAL database makes files next to it, unless it opens the file as immutable.
    """
    mode = "mode=ro" if log_of(path).exists() else "mode=ro&immutable=1"
    address = f"file:{quote(str(path.absolute()))}?{mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None)
