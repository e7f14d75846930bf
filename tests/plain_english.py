"""The ratchet of plain English: turns that make a native reader stop, counted for each room.

Comments, docstrings and every text of a message are judged: of errors, logs, reasons and help. The
counts may only shrink.
`where` in the sense of *if* is left to the reviewer: no pattern tells it from a place.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FORBIDDEN = {
    r"\b([Ss]ome|[Nn]o)body\b": "name the process, the user or the thread",
    r"\bwhoever\b": "name the process, the user or the thread",
    r"\b(goes|go|going) on\b": "continue, run",
    r"\bstands?\b": "is, is defined, is written",
    r"\bbeside\b": "besides, in addition to, next to",
    r"\bfor ever\b": "forever, without end",
    r"\bmend(s|ed|ing)?\b": "fix, repair",
    r"\b(told|tells?)\b": "report, notify, ask",
    r"^Have\b": "an imperative of the field: run, call, schedule",
    r"\b[Ss]ays? whether\b": "Return whether",
    r"\b(at|by) hand\b": "manually, current",
    r"\b(make|makes|made|making) anew\b": "recreate",
    r"\bbeneath\b": "below",
    r"\bwhere \w+( \w+){0,2} (has|have) to be\b": "instead of",
    r"\b(is|are|for) (no \w+ that can be|none of ours)\b": "is not valid",
}
"""A turn, and what to write in its place."""

ALLOWED: dict[str, int] = {}
"""How many of them a room has today."""


def problems() -> Iterator[str]:
    """Yield the rooms that have more forbidden turns than they are allowed."""
    for room, found in sorted(occurrences().items()):
        limit = ALLOWED.get(room, 0)
        if len(found) > limit:
            yield f"{room} has {len(found)} turns of phrase to rewrite; {limit} are allowed:"
            yield from (f"  {line}" for line in found)


def occurrences() -> dict[str, list[str]]:
    """Return the places of forbidden turns, by room: a folder of `src/rota`, or `xcore`."""
    rooms: dict[str, list[str]] = {}
    for folder in ("src/rota", "xcore"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            room = path.relative_to(ROOT / folder).parts[0] if folder == "src/rota" else folder
            for line, text in prose(path.read_text()):
                for pattern, better in FORBIDDEN.items():
                    for match in re.finditer(pattern, text):
                        where = f"{path.relative_to(ROOT).as_posix()}:{line}"
                        rooms.setdefault(room, []).append(f"{where}: {match[0]!r}; write: {better}")
    return rooms


def prose(code: str) -> Iterator[tuple[int, str]]:
    """Yield every comment and docstring of a module, and every text of several words, with its
    line.
    """
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Constant(value=str(text)) if " " in text.strip():
                yield node.lineno, text


if __name__ == "__main__":
    for room, found in sorted(occurrences().items()):
        turns = Counter(line.split("'")[1].lower() for line in found)
        sys.stdout.write(f"{room:14}{len(found):4}  {dict(turns.most_common())}\n")
