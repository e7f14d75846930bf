"""Many rows in one parameter, and many rows back in one: JSON arrays of arrays.

Python's sqlite3 releases the interpreter lock at every step of a statement and must acquire it
again afterwards. While another thread computes, each such hand-over may take 5 ms. A thousand rows
by `executemany` are a thousand hand-overs; as one JSON parameter they are one. The differences
between databases in this are kept here, by `@compiles`; the statements do not know them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Subquery, Text, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.schema import Column

Row = Sequence[Any]

Shape = Mapping[str, Collection[int]]
"""Which columns of which batch are sent separately, as one value for all of its rows."""

SHARED_FROM = 16
"""The number of rows from which a batch is split into common and differing values."""

_TEXT_OR_INFINITE = re.compile(r'"(?:[^"\\]|\\.)*+"|Inf')

NUL = "\u2400"
"""The replacement of a NUL: SQLite's JSON functions cut a text off there, PostgreSQL refuses it."""


class _elements(GenericFunction[Any]):
    """The elements of a JSON array, as a table with the column `value`."""

    inherit_cache = True
    name = "rota_elements"


class _texts(GenericFunction[Any]):
    """The strings of a JSON array, as a table with the column `value`."""

    inherit_cache = True
    name = "rota_texts"


class _item(GenericFunction[Any]):
    """Element n of a JSON array, as a plain SQL value, or the parameter that all rows have in its
    place: `_item(array, n, parameter)`."""

    inherit_cache = True
    name = "rota_item"


class _array(GenericFunction[Any]):
    """A JSON array of its arguments."""

    inherit_cache = True
    name = "rota_array"


class _gathered(GenericFunction[Any]):
    """The JSON array of one value from every row."""

    inherit_cache = True
    name = "rota_gathered"


class _position(GenericFunction[Any]):
    """The place of a text in another one, counted from 1; 0 if it is not there."""

    inherit_cache = True
    name = "rota_position"


@compiles(_position, "sqlite")
def _position_in_sqlite(element: _position, compiler: SQLCompiler, **kw: Any) -> str:
    return f"instr{compiler.process(element.clause_expr, **kw)}"


@compiles(_elements, "sqlite")
@compiles(_texts, "sqlite")
def _elements_in_sqlite(element: _elements | _texts, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each{compiler.process(element.clause_expr, **kw)}"


@compiles(_item, "sqlite")
def _item_in_sqlite(element: _item, compiler: SQLCompiler, **kw: Any) -> str:
    array, index, shared = element.clauses
    place = _place(index.value, str(shared.key), kw)
    if place is None:
        return compiler.process(shared, **kw)
    # Not `->>`: that needs SQLite 3.38, newer than some systems in use, and is no faster.
    return f"json_extract({compiler.process(array, **kw)}, '$[{place}]')"


@compiles(_array, "sqlite")
def _array_in_sqlite(element: _array, compiler: SQLCompiler, **kw: Any) -> str:
    if not kw.get("blobs"):
        return f"json_array{compiler.process(element.clause_expr, **kw)}"
    return f"json_array({', '.join(_as_text(one, compiler, **kw) for one in element.clauses)})"


def _as_text(one: Any, compiler: SQLCompiler, **kw: Any) -> str:
    """Return the SQL of a value with a blob, which no JSON holds, as text."""
    text = compiler.process(one, **kw)
    return f"CASE typeof({text}) WHEN 'blob' THEN CAST({text} AS TEXT) ELSE {text} END"


@compiles(_gathered, "sqlite")
def _gathered_in_sqlite(element: _gathered, compiler: SQLCompiler, **kw: Any) -> str:
    (one,) = element.clauses
    if kw.get("blobs") and not isinstance(one, _array):
        return f"json_group_array({_as_text(one, compiler, **kw)})"
    return f"json_group_array{compiler.process(element.clause_expr, **kw)}"


# As `jsonb`, a batch is read once; as `json`, every look at an item would read its row again.


@compiles(_elements, "postgresql")
def _elements_in_postgresql(element: _elements, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({_only(element, compiler, **kw)} AS jsonb))"


@compiles(_texts, "postgresql")
def _texts_in_postgresql(element: _texts, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements_text(CAST({_only(element, compiler, **kw)} AS jsonb))"


@compiles(_position, "postgresql")
def _position_in_postgresql(element: _position, compiler: SQLCompiler, **kw: Any) -> str:
    return f"strpos{compiler.process(element.clause_expr, **kw)}"


@compiles(_item, "postgresql")
def _item_in_postgresql(element: _item, compiler: SQLCompiler, **kw: Any) -> str:
    array, index, shared = element.clauses
    place = _place(index.value, str(shared.key), kw)
    if place is None:
        item = f"CAST({compiler.process(shared, **kw)} AS TEXT)"
    else:
        item = f"({compiler.process(array, **kw)} ->> {place})"
    if isinstance(element.type, Text):
        return item
    return f"CAST({item} AS {compiler.dialect.type_compiler_instance.process(element.type)})"


@compiles(_array, "postgresql")
def _array_in_postgresql(element: _array, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_build_array{compiler.process(element.clause_expr, **kw)}"


@compiles(_gathered, "postgresql")
def _gathered_in_postgresql(element: _gathered, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_agg{compiler.process(element.clause_expr, **kw)}"


def _only(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    (argument,) = element.clauses
    return compiler.process(argument, **kw)


def _place(index: int, key: str, kw: Mapping[str, Any]) -> int | None:
    """Return the position of column `index` in the rows; None if it is sent separately."""
    shape: Shape = kw.get("shape", {})
    beside = shape.get(key.rpartition("_")[0], ())
    return None if index in beside else index - sum(other < index for other in beside)


def incoming(parameter: str, *columns: Column[Any]) -> Subquery:
    """Return the rows of a `Batch`, the `parameter`, as a relation of that name with these
    columns."""
    element = _elements(bindparam(parameter)).table_valued("value").c.value
    fields = [
        _item(
            element, index, bindparam(f"{parameter}_{index}", type_=column.type), type_=column.type
        ).label(column.name)
        for index, column in enumerate(columns)
    ]
    return select(*fields).subquery(parameter)


def position(text: ColumnElement[Any], part: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the place of a text in another one, counted from 1; 0 if it is not there."""
    return _position(text, part, type_=Integer)


def listed(parameter: str) -> Select[Any]:
    """Return the strings of JSON `parameter` as a selection, for `IN`."""
    return select(_texts(bindparam(parameter)).table_valued("value").c.value)


def gathered(*columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the aggregate of all rows of `columns` as one JSON text; see `decode`."""
    if len(columns) == 1:
        return _gathered(*columns, type_=Text)
    return _gathered(_array(*columns), type_=Text)


class Batch:
    """Rows for a relation of `incoming`.

    Extracting a value from JSON costs SQLite about a microsecond. So what many rows have in common
    (the state, the reason, the time of a crowd) is sent once, separately from what differs. Any
    column may be, except the first: it is the rows' id.
    """

    __slots__ = ("_columns", "_rows", "common")

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows if isinstance(rows, list) else list(rows)
        self._columns: list[Row] = []
        if len(self._rows) >= SHARED_FROM:
            self._columns = list(zip(*self._rows, strict=True))
        self.common = [n for n, column in enumerate(self._columns) if n and _is_common(column)]

    def parameters(self, name: str, beside: Collection[int]) -> dict[str, Any]:
        """Return the batch as the parameter `name`, with the parameters for the values sent
        separately.
        """
        if not beside:
            return {name: encode(self._rows)}
        differ = [column for index, column in enumerate(self._columns) if index not in beside]
        sent: dict[str, Any] = {name: encode(zip(*differ, strict=True))}
        for index in beside:
            value = self._columns[index][0]
            sent[f"{name}_{index}"] = _without_nul(str(value)) if isinstance(value, str) else value
        return sent


def _is_common(column: Row) -> bool:
    return bool(column[0] == column[-1]) and column.count(column[0]) == len(column)


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""An encoder created once: `json.dumps` would create one for each batch."""


def encode(values: Iterable[Any]) -> str:
    """Write values as the JSON that `listed` reads.

    A NUL becomes the symbol for it.
    """
    batch = values if isinstance(values, list) else list(values)
    text = _encoded(batch)
    if "\\u0000" in text:  # also true for JSON within JSON, in which a NUL is harmless
        text = _encoded(_without_nul(batch))
    return text


def decode(text: str | None) -> list[Any]:
    """Return the rows that `gathered` wrote; of no rows at all, PostgreSQL gathers nothing.

    SQLite writes an infinite number, which only a damaged row holds, in a form that is not JSON.
    """
    rows: list[Any]
    try:
        rows = json.loads(text) if text else []
    except ValueError:
        rows = json.loads(_TEXT_OR_INFINITE.sub(_as_python_reads_it, text or ""))
    return rows


def _as_python_reads_it(found: re.Match[str]) -> str:
    return "Infinity" if found[0] == "Inf" else found[0]


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", NUL)
    if isinstance(value, (list, tuple)):
        return [_without_nul(item) for item in value]
    return value
