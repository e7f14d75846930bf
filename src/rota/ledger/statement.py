"""One SQL statement: written in SQLAlchemy Core, compiled once, run as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, CursorResult, Select, select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.elements import CompilerElement

from rota.ledger.jsonrows import decode, gathered


class Statement:
    """One statement, called with a connection and its parameters by name.

    It is compiled once per dialect and handed to the driver as text: compiling it, or even looking
    up the compiled form as SQLAlchemy does, would take longer than most statements run.
    """

    def __init__(self, construct: CompilerElement) -> None:
        self._construct = construct
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def __call__(self, connection: Connection, **parameters: Any) -> CursorResult[Any]:
        """Run it; the parameters are those that its construct names."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = _compile(self._construct, dialect)
        text, constants = self._compiled[dialect.name]
        sent = {name: _sendable(value) for name, value in parameters.items()}
        return connection.exec_driver_sql(text, constants | sent)

    def count(self, connection: Connection, **parameters: Any) -> int:
        """Run it and return how many rows it changed."""
        return self(connection, **parameters).rowcount

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Run it, a query of one `gathered` value, and return its rows."""
        return decode(self(connection, **parameters).scalar_one())


def _compile(construct: CompilerElement, dialect: Dialect) -> tuple[str, dict[str, Any]]:
    compiled = construct.compile(dialect=dialect)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return str(compiled), constants


def _sendable(value: Any) -> Any:
    # Half a surrogate pair has no bytes in UTF-8: one in a log line must not lose a whole batch.
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()
    return value


def all_of(query: Select[Any]) -> Select[Any]:
    """Return the rows of `query` as one gathered value."""
    inner = query.subquery()
    return select(gathered(*inner.c))
