"""What a page says, and how to find something on it."""

from __future__ import annotations

import re


def text(page: str) -> str:
    """Return what a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def part(page: str, id: str) -> str:
    """Return what the element with this id says, up to the next element with one."""
    found = re.search(rf'id="{re.escape(id)}"(.*?)(?=<\w+[^>]* id="|</main>)', page, re.S)
    return text(f"<{found[1]}") if found else ""
