"""Translates errors of PostgreSQL into errors of rota."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from rota.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerUnavailableError,
    LedgerValueError,
)
from rota.ledger.errors import ContendedError

_AGAIN = "Look whether the server is up and reachable."
_AWAY = {
    # the whole code, or its class: two characters
    "08": _AGAIN,
    "57": _AGAIN,
    "25P03": "This process stood still in the middle of a transaction.",
    "25006": "The database is read-only: name its primary server, or make it writable.",
    "28": "Check user and password in manager.ledger_url, and pg_hba.conf of the server.",
    "3D": "Make the database first: CREATE DATABASE …",
    "42501": "Give this user the right: GRANT CREATE ON DATABASE … TO …, once, is enough.",
    "53100": "Make room on the server's disk.",
    "53300": "All connections of the server are used up: raise max_connections or end some.",
    "53": "The server lacks memory or the like: look at its log.",
    "55P03": "Another transaction held a lock for too long: wait until it is done, or end it.",
    "57014": "The server took too long to answer: look at its load.",
    "58": "Look at the server's disk.",
}
_AT_THE_DOOR = {
    # A refused connection gets no code, only words.
    "too many connections": _AWAY["53300"],
    "too many clients": _AWAY["53300"],
    "remaining connection slots": _AWAY["53300"],
    "authentication failed": _AWAY["28"],
    "no password supplied": _AWAY["28"],
    "pg_hba.conf": _AWAY["28"],
    "does not exist": "Make the user and the database first: CREATE ROLE …, CREATE DATABASE ….",
}
_BROKEN = {"XX001", "XX002"}
_REFUSED = {"22", "23", "54"}  # classes: bad values, broken rules, too large
_CONTENDED = {"40001", "40P01"}
_EXCLUSIVE = "one_exclusive_run_of_task"


def explain(error: BaseException, where: str) -> LedgerError:
    """Return the rota error for the driver's error; `where` is the ledger."""
    if isinstance(error, NoneFree):
        what = "The ledger cannot be used: all of its connections here are busy."
        return LedgerUnavailableError(what, where=where, remedy="Try it again.")
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    what = f"The ledger cannot be used: {' '.join(str(cause).split())}."
    if is_contended(cause):
        return ContendedError(what, where=where, remedy="Try it again.")
    if state in _BROKEN:
        remedy = "Restore a backup of the database."
        return LedgerCorruptError(f"The ledger is damaged: {cause}.", where=where, remedy=remedy)
    if state is None and isinstance(cause, psycopg.OperationalError):
        found = (remedy for words, remedy in _AT_THE_DOOR.items() if words in what)
        return LedgerUnavailableError(what, where=where, remedy=next(found, _AGAIN))
    remedy = _AWAY.get(state or "") or _AWAY.get((state or "")[:2], "")
    if remedy:
        return LedgerUnavailableError(what, where=where, remedy=remedy)
    if (state or "")[:2] in _REFUSED:
        return LedgerValueError(what, where=where)
    return LedgerError(what, where=where)


def is_contended(cause: BaseException | None) -> bool:
    """Return whether two nodes conflicted, so that the operation only has to be repeated."""
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return cause.diag.constraint_name == _EXCLUSIVE
    return getattr(cause, "sqlstate", None) in _CONTENDED


def is_lost(error: DBAPIError) -> bool:
    """Return whether the connection ended, so that it is unknown whether a commit succeeded."""
    return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn errors of the driver into errors of rota."""
    try:
        yield
    except (DBAPIError, NoneFree, psycopg.Error) as error:
        raise explain(error, where) from error
