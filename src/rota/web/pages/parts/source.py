"""The source code of a task's function in a task file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

from rota.definitions.callables import facts_of

LARGEST = 1 << 20
"""The most bytes of a file that is read."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a file."""

    first: int  # the number of the first line
    lines: list[str]


def excerpt(func: Callable[..., Any], directory: Path) -> Excerpt | None:
    """Return the present lines of a function.

    Returns None unless its file is in `directory` and can be read.
    """
    source = facts_of(func).source
    if source is None or source.line is None:
        return None
    path = Path(source.file).resolve()
    try:
        if not path.is_relative_to(directory.resolve()) or path.stat().st_size > LARGEST:
            return None
        lines = path.read_text("utf-8").splitlines(keepends=True)[source.line - 1 :]
    except (OSError, ValueError):
        return None
    block = [line.rstrip() for line in _block(lines)]
    return Excerpt(source.line, block) if block else None


def _block(lines: list[str]) -> list[str]:
    """Return the first block of code; [] if it has open strings or brackets.

    A file that is being edited may have them.
    """
    try:
        return inspect.getblock(lines)
    except (SyntaxError, TokenError, RecursionError):
        return []
