"""A transaction on the driver itself.

SQLAlchemy takes longer around a short statement than the statement does. Statements are texts by
the time they are run, so what they need of a connection is little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import Dialect


class _DirectResult:
    """The result of one statement."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rowcount = cursor.rowcount
        self._rows = cursor.fetchall() if cursor.description is not None else []
        cursor.close()

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def scalar_one(self) -> Any:
        ((value,),) = self._rows
        return value


class _DirectConnection:
    """The part of SQLAlchemy's `Connection` that a `Statement` uses."""

    def __init__(self, driver: sqlite3.Connection, dialect: Dialect) -> None:
        self._driver = driver
        self.dialect = dialect

    def exec_driver_sql(
        self, text: str, parameters: Mapping[str, Any] | None = None
    ) -> _DirectResult:
        return _DirectResult(self._driver.execute(text, parameters or {}))

    @property
    def connection(self) -> _DirectConnection:
        return self

    @property
    def dbapi_connection(self) -> sqlite3.Connection:
        return self._driver


@contextmanager
def transaction(driver: sqlite3.Connection, dialect: Dialect) -> Iterator[Connection]:
    """Lend a connection in a transaction; for statements that are texts."""
    if driver.in_transaction:  # its thread was interrupted
        driver.rollback()
    driver.execute("BEGIN IMMEDIATE").close()
    try:
        yield cast(Connection, _DirectConnection(driver, dialect))
        driver.execute("COMMIT").close()
    except BaseException:
        if driver.in_transaction:
            driver.rollback()
        raise
