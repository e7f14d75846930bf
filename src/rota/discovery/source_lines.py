"""The line of each definition in a task file, and of each of its keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rota.core.task import Source

DEFINITIONS = "TASK_DEFINITIONS"


class SourceLines(NamedTuple):
    """The line of an entry, and of each key of its dict literal (nested: `trigger_args.hour`)."""

    line: int
    keys: Mapping[str, int]


class EntryLines:
    """The lines of the definitions in one file, found in its text."""

    def __init__(self, file: str, text: bytes) -> None:
        self.file = file
        try:
            tree = ast.parse(text)
        except (RecursionError, MemoryError):  # it did compile, at another depth of the stack
            tree = ast.Module([], [])
        self.imported = _imported(tree)
        self.line: int | None = None  # of the list itself
        self._by_id: dict[str, list[SourceLines]] = {}
        self._in_list: list[SourceLines] = []
        self._read(tree)

    def of_entry(self, index: int, entry: Any) -> tuple[Source, Mapping[str, int]]:
        """Return the line of an entry and of its keys; call it in the order of the list.

        An entry is found by its id first, then by its index.
        """
        id = entry.get("id") if isinstance(entry, Mapping) else None
        written = self._by_id.get(id) if isinstance(id, str) else None
        if written:
            place = written.pop(0) if len(written) > 1 else written[0]
            return Source(self.file, place.line), place.keys
        at = self._in_list[index] if index < len(self._in_list) else None
        if at is None or (isinstance(id, str) and "id" in at.keys):
            return Source(self.file, _line_of(entry)), {}
        return Source(self.file, at.line), at.keys

    def _read(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and (id := _id(node)) is not None:
                self._by_id.setdefault(id, []).append(_place(node))
        for value in _assigned(tree):
            self.line = self.line or value.lineno
            elements = value.elts if isinstance(value, ast.List | ast.Tuple) else []
            if any(isinstance(element, ast.Starred) for element in elements):
                break  # from here on the index in the text is not the index in the list
            self._in_list += map(_place, elements)


def _imported(tree: ast.Module) -> bool:
    """Return whether the file imports its TASK_DEFINITIONS from another one."""
    names = (
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
    return DEFINITIONS in names and next(_assigned(tree), None) is None


def _assigned(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name == DEFINITIONS:
                yield value


def _id(node: ast.Dict) -> str | None:
    for key, value in zip(node.keys, node.values, strict=True):
        match key, value:
            case ast.Constant(value="id"), ast.Constant(value=str(id)):
                return id
    return None


def _place(node: ast.expr) -> SourceLines:
    return SourceLines(node.lineno, dict(_keys(node, "")) if isinstance(node, ast.Dict) else {})


def _keys(node: ast.Dict, prefix: str) -> Iterator[tuple[str, int]]:
    for key, value in zip(node.keys, node.values, strict=True):
        match key:
            case ast.Constant(value=str(name)):
                yield prefix + name, key.lineno
                if isinstance(value, ast.Dict) and not prefix:
                    yield from _keys(value, f"{name}.")


def _line_of(entry: Any) -> int | None:
    func = entry.get("func") if isinstance(entry, Mapping) else None
    return getattr(getattr(func, "__code__", None), "co_firstlineno", None)
