"""One SQL statement: written in SQLAlchemy Core, compiled once, run as text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, CursorResult, Select, select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.elements import CompilerElement

from rota.ledger.sql.json_batch import NUL, Batch, Shape, decode, gathered

_BLOB = "JSON cannot hold BLOB"
"""The message of SQLite if a damaged row has bytes in place of a text: the statement is then run
again and reads them as text.
"""

Insert = Callable[..., Any]
Construct = CompilerElement | Callable[[], CompilerElement]

MOST_SHAPES = 32
"""Compiled texts that are kept of one statement, each for batches with other columns in common."""


class Statement:
    """One statement, called with a connection and its parameters by name.

    It is compiled once per dialect and shape of its batches, and handed to the driver as text:
    compiling it, or even looking up the compiled form as SQLAlchemy does, would take longer than
    most statements run. If SQLAlchemy has a construct of its own for PostgreSQL, it is given in
    addition. A construct is given itself, or as a function that makes it when it is first needed.
    """

    def __init__(self, construct: Construct, *, postgresql: Construct | None = None) -> None:
        self._construct = construct
        self._variants = {} if postgresql is None else {"postgresql": postgresql}
        self._compiled: dict[object, tuple[str, dict[str, Any]]] = {}

    def __call__(self, connection: Connection, **parameters: Any) -> CursorResult[Any]:
        """Run it; the parameters are those that its construct names."""
        try:
            return self._run(connection, parameters, blobs=False)
        except (OperationalError, sqlite3.OperationalError) as error:
            if _BLOB not in str(error):
                raise
        return self._run(connection, parameters, blobs=True)

    def _run(
        self, connection: Connection, parameters: dict[str, Any], *, blobs: bool
    ) -> CursorResult[Any]:
        dialect = connection.dialect
        batches = {name: one for name, one in parameters.items() if type(one) is Batch}
        text, constants, shape = self._text(dialect, batches, blobs=blobs)
        sent = constants | parameters
        for name, batch in batches.items():
            sent |= batch.parameters(name, shape.get(name, ()))
        for name, value in sent.items():
            if isinstance(value, str) and (not value.isascii() or "\0" in value):
                sent[name] = _sendable(value)
        return connection.exec_driver_sql(text, sent)

    def _text(
        self, dialect: Dialect, batches: Mapping[str, Batch], *, blobs: bool = False
    ) -> tuple[str, dict[str, Any], Shape]:
        """Return its text and constants for such batches, and the shape that they are to have."""
        shape: Shape = {name: batch.common for name, batch in batches.items() if batch.common}
        key = dialect.name, blobs, *((name, *common) for name, common in shape.items())
        if key not in self._compiled:
            if shape and len(self._compiled) >= MOST_SHAPES:
                return self._text(dialect, {}, blobs=blobs)
            construct = self._variants.get(dialect.name, self._construct)
            self._compiled[key] = _compile(construct, dialect, shape, blobs)
        return *self._compiled[key], shape

    def count(self, connection: Connection, **parameters: Any) -> int:
        """Run it and return how many rows it changed."""
        return self(connection, **parameters).rowcount

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Run it, a query of one `gathered` value, and return its rows."""
        return decode(self(connection, **parameters).scalar_one())


def in_each(build: Callable[[Insert], CompilerElement]) -> Statement:
    """Return a statement with what only the dialects' own `insert` can say.

    Only the dialect that is spoken is loaded.
    """

    def made(dialect: str) -> Callable[[], CompilerElement]:
        return lambda: build(import_module(f"sqlalchemy.dialects.{dialect}").insert)

    return Statement(made("sqlite"), postgresql=made("postgresql"))


def _compile(
    construct: Construct, dialect: Dialect, shape: Shape, blobs: bool
) -> tuple[str, dict[str, Any]]:
    made = construct if isinstance(construct, CompilerElement) else construct()
    compiled = made.compile(dialect=dialect, compile_kwargs={"shape": shape, "blobs": blobs})
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return str(compiled), constants


def _sendable(value: str) -> str:
    # Half a surrogate pair has no bytes in UTF-8: one in a log line must not lose a whole batch.
    text = value if value.isascii() else value.encode("utf-8", "replace").decode()
    # PostgreSQL stores no NUL. Every ledger stores the same text, so that a copy equals its source.
    return text.replace("\x00", NUL) if "\x00" in text else text


def all_of(query: Select[Any]) -> Callable[[], Select[Any]]:
    """Return what makes the rows of `query` one gathered value, when that is first needed.

    To make it takes SQLAlchemy a millisecond, and most statements are never run by a command.
    """

    def made() -> Select[Any]:
        inner = query.subquery()
        return select(gathered(*inner.c))

    return made
