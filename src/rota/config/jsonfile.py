"""Reading a JSON file, with the line of every mistake in it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from rota.errors import ConfigError, Mistakes

Path = tuple[str, ...]

_DEPTH = 50
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_GRAMMAR = "JSON has no comments, no comma before a closing bracket, and double quotes only."


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object from a file, and the line of each of its keys."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """Return the file, line and dotted name of `path`, or the line of its nearest parent."""
        known = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)
        line = f", line {self.lines[known]}" if known else ""
        return f"{self.name}{line}, {'.'.join(path)}"


def read(path: str | FilePath) -> Document:
    """Read a file that holds one JSON object; raises ConfigError, or Mistakes for several."""
    name = str(path)
    data, text = _parsed(_text(name), name)
    if not isinstance(data, dict):
        raise ConfigError(
            f"holds {type(data).__name__}, not an object.", where=name, remedy="Write { … }."
        )
    lines, errors = _scanned(text, name)
    if errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    return Document(name, data, lines)


def _text(name: str) -> str:
    try:
        return FilePath(name).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file.",
            where=name,
            remedy="Create it (an empty object, {}, is enough) or name another with --config.",
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 text (byte {error.start}).", where=name, remedy="Save it as UTF-8."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot be read ({reason}).", where=name, remedy="Check its path and permissions."
        ) from None


def _parsed(text: str, name: str) -> tuple[Any, str]:
    try:
        return json.loads(text), text
    except json.JSONDecodeError as error:
        where = f"{name}, line {error.lineno}, column {error.colno}"
        raise ConfigError(f"is not JSON: {error.msg}.", where=where, remedy=_GRAMMAR) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError:
        raise ConfigError(
            "holds a number of thousands of digits.", where=name, remedy="Shorten it."
        ) from None


def _too_deep(where: str) -> ConfigError:
    return ConfigError(
        f"is nested more than {_DEPTH} levels deep.", where=where, remedy="Flatten it."
    )


@dataclass(slots=True)
class _Frame:
    """An open object (`index` is None) or array, and the key or index reached in it."""

    index: int | None
    key: str | None = None


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, seen = 1, 0
    for match in _TOKEN.finditer(text):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        yield match.group(), line


def _scanned(text: str, name: str) -> tuple[dict[Path, int], list[ConfigError]]:
    """Return the line of every key of valid JSON, and the mistakes that the grammar allows."""
    lines: dict[Path, int] = {}
    errors: list[ConfigError] = []
    stack: list[_Frame] = []
    for token, line in _tokens(text):
        frame = stack[-1] if stack else None
        if token in "{[":
            if len(stack) == _DEPTH:
                return lines, [_too_deep(f"{name}, line {line}")]
            stack.append(_Frame(None if token == "{" else 0))
        elif token in "}]":
            stack.pop()
        elif token == "," and frame:
            frame.key = None
            frame.index = None if frame.index is None else frame.index + 1
        elif token == ":":
            pass
        elif frame and frame.index is None and frame.key is None:
            frame.key = json.loads(token)
            path = _path(stack)
            where = f"{name}, line {line}, {'.'.join(path)}"
            if path in lines:
                what = f"is already in line {lines[path]}."
                errors.append(ConfigError(what, where=where, remedy="Keep one of them."))
            lines.setdefault(path, line)
            errors += _unfit(token, where)
        else:
            errors += _unfit(token, f"{name}, line {line}, {'.'.join(_path(stack))}")
    return lines, errors


def _path(stack: list[_Frame]) -> Path:
    return tuple(str(f.key if f.index is None else f.index) for f in stack)


def _unfit(token: str, where: str) -> list[ConfigError]:
    """Reject what only Python's reader accepts: NaN, infinities, unpaired surrogates."""
    if token.startswith('"'):
        if "\\u" in token and any("\ud800" <= char <= "\udfff" for char in json.loads(token)):
            remedy = "Write the character itself."
            return [ConfigError("holds half of a surrogate pair.", where=where, remedy=remedy)]
    elif token not in ("true", "false", "null") and not math.isfinite(float(token)):
        return [ConfigError(f"{token} is not a finite number.", where=where, remedy="Write one.")]
    return []
