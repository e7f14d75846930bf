"""The user's document, cut into its fenced blocks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "spec" / "backgroundtask.md"
MISSING = f"the user's document is not beside the repository (shared/spec/{DOCUMENT.name})"

_BLOCK = re.compile(r"^#+ (?P<heading>.+?)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block under its heading, exactly as it stands there."""

    heading: str
    language: str
    text: str

    @property
    def is_task_file(self) -> bool:
        """Say whether it is a whole `taskplugins.py`, as its first line says."""
        return self.text.partition("\n")[0].endswith("taskplugins.py")

    @property
    def is_data(self) -> bool:
        """Say whether it only shows dicts."""
        body = ast.parse(self.text).body
        return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Dict) for node in body)


def blocks(language: str) -> list[Block]:
    """Return the document's blocks in a language; none where there is no document."""
    if not DOCUMENT.exists():
        return []
    found = list(_blocks(DOCUMENT.read_text(encoding="utf-8")))
    return [block for block in found if block.language == language]


def _blocks(text: str) -> Iterator[Block]:
    heading = ""
    for match in _BLOCK.finditer(text):
        if match["heading"]:
            heading = match["heading"]
        else:
            yield Block(heading, match["language"], match["text"])
