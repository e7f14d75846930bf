"""The pages that people read, cut into their blocks and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(
    r"(?P<before>^<!-- no-run: (?P<why>[^\n]+) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$",
    re.M | re.S,
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block: its language, the line of its first line, and why it is not run, if so."""

    language: str
    line: int
    text: str
    not_run: str | None


def pages() -> list[Path]:
    """Return every page, from the root of the repository."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page.relative_to(ROOT) for page in found]


def snippets(page: Path, language: str) -> list[Snippet]:
    """Return a page's blocks in a language."""
    found = _snippets((ROOT / page).read_text(encoding="utf-8"))
    return [snippet for snippet in found if snippet.language == language]


def without_blocks(text: str) -> str:
    """Return what is outside of the fenced blocks."""
    return _FENCE.sub("", text)


def _snippets(text: str) -> Iterator[Snippet]:
    for match in _FENCE.finditer(text):
        indent = match["indent"]
        lines = [line.removeprefix(indent) for line in match["text"].splitlines()]
        first = text.count("\n", 0, match.start("text")) + 1
        yield Snippet(match["language"], first, "\n".join(lines), match["why"])
