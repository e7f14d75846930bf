"""Translates errors of the database into errors of rota."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from rota.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerUnavailableError,
    LedgerValueError,
)

_LOCKED = "Another process has held it locked for too long: wait until it is done, or end it."
_AWAY = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_READONLY: "Give this user the right to write the file and its directory.",
    sqlite3.SQLITE_IOERR: "Look at the disk and its file system.",
    sqlite3.SQLITE_CANTOPEN: "Check that the path exists and this user may write there.",
    sqlite3.SQLITE_PERM: "Give this user the right to write the file and its directory.",
    sqlite3.SQLITE_PROTOCOL: "Its locks do not work there: put it on a local file system.",
    sqlite3.SQLITE_NOMEM: "The machine is out of memory.",
    sqlite3.SQLITE_INTERRUPT: "Try it again.",
}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}
RESTORE = "Move it away and restore a backup; `sqlite3 FILE .recover` saves what can be saved."


def explain(error: BaseException, where: str) -> LedgerError:
    """Return the rota error for a driver's error; `where` is the ledger."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    what = f"The ledger cannot be used: {cause}."
    if primary in _BROKEN:
        return LedgerCorruptError(f"The ledger is damaged: {cause}.", where=where, remedy=RESTORE)
    if primary in _AWAY:
        return LedgerUnavailableError(what, where=where, remedy=_AWAY[primary])
    if primary in _REFUSED:
        return LedgerValueError(what, where=where)
    return LedgerError(what, where=where)


class ContendedError(LedgerUnavailableError):
    """Two nodes conflicted: the same operation will succeed when it is repeated."""


class explained:  # a block; as a generator it takes as long as a short statement
    """Turn errors of the driver into errors of rota."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        """End the block; raises what an error of the driver means."""
        if isinstance(error, (DBAPIError, sqlite3.Error)):
            raise explain(error, self._where) from error


def closed(where: str) -> LedgerUnavailableError:
    """Return the error of a ledger that is not open."""
    return LedgerUnavailableError("The ledger is closed.", where=where, remedy="Open it first.")
