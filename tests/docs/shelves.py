"""The rules of the pages: each is on a shelf, its links lead somewhere, its English is plain.

`python -m tests.house` prints what breaks one. It needs no generator of sites, so it is quick.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT, without_blocks

DOCS = ROOT / "docs"
OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
GENERATED = "<!-- Made from the code"
"""How a page begins whose English is that of the code."""

_LINK = re.compile(r"\]\((?P<file>[^)#\s:]*)(?:#(?P<anchor>[^)\s]+))?\)")
_CODE = re.compile(r"`[^`\n]+`")
_TITLE = re.compile(r"^#{1,6} +(.+?) *$", re.M)
_TURNS = re.compile(
    r"\b((?:some|no|any|every)body|stands?|stood|(?:go|goes|going|gone|went) on|for ever|"
    r"mend(?:s|ed|ing)?|told|beside|where (?:an?|the|this|that|it|its|there|they|you|no|none|"
    r"nothing|one|others?|several|another|neither|both|some|somebody|nobody|such|what|many|more))\b",
    re.I,
)
TURNS: dict[str, int] = {
    "docs/gotchas.md": 1,
    "docs/howto/configuration.md": 1,
    "docs/howto/page.md": 1,
    "docs/reliability.md": 2,
    "CONTRIBUTING.md": 1,
}
"""How many such turns of speech a page may have: lower a figure, never raise one."""


def problems() -> Iterator[str]:
    """Yield what breaks a rule."""
    yield from shelves()
    for page in pages():
        yield from links(page)
        yield from english(page)


@cache
def pages() -> tuple[Path, ...]:
    """Return every page that people read, of the site and at the root."""
    others = [ROOT / name for name in OTHERS]
    return (*sorted(DOCS.rglob("*.md")), *(page for page in others if page.is_file()))


def shelves() -> Iterator[str]:
    """Yield entries of the navigation without a page, and pages that nothing leads to."""
    found: set[Path] = set()
    with (ROOT / "zensical.toml").open("rb") as file:
        waiting = [DOCS / name for name in _leaves(tomllib.load(file)["project"]["nav"])]
    for page in waiting:
        if not page.is_file():
            yield f"zensical.toml: there is no docs/{page.relative_to(DOCS)}."
    while waiting:
        page = waiting.pop()
        if page not in found and page.is_file():
            found.add(page)
            waiting += [
                (page.parent / link["file"]).resolve()
                for link in _LINK.finditer(_prose(page))
                if link["file"].endswith(".md")
            ]
    for page in pages():
        if DOCS in page.parents and page not in found:
            yield f"{_name(page)}: nothing leads to it; add it to `nav` in zensical.toml."


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(branch)


def links(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere: no such file, no such title, out of the site."""
    for link in _LINK.finditer(_prose(page)):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        if not target.exists():
            yield f"{_name(page)}: there is no {link['file']}."
        elif DOCS in page.parents and DOCS not in target.parents:
            yield f"{_name(page)}: {link['file']} is no part of the site; name it without a link."
        elif target.is_dir() and DOCS in page.parents:
            yield f"{_name(page)}: {link['file']} is a directory; link one of its pages."
        elif link["anchor"] and target.suffix == ".md" and link["anchor"] not in titles(target):
            yield f"{_name(page)}: {_name(target)} has no title for #{link['anchor']}."


@cache
def titles(page: Path) -> frozenset[str]:
    """Return the anchors of a page's titles, as both the site and GitHub make them."""
    words = (
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in _TITLE.findall(_prose(page))
    )
    bare = (re.sub(r"[^\w\s-]", "", title).strip().lower() for title in words)
    return frozenset(re.sub(r"[-\s]+", "-", title) for title in bare)


def english(page: Path) -> Iterator[str]:
    """Yield where a page has more, or fewer, of the turns than it may."""
    if page.read_text(encoding="utf-8").startswith(GENERATED) or page.name == "CHANGELOG.md":
        return
    found = [match.group().lower() for match in _TURNS.finditer(_CODE.sub("", _prose(page)))]
    allowed = TURNS.get(_name(page), 0)
    if len(found) > allowed:
        yield (
            f"{_name(page)}: say it plainly (CONTRIBUTING.md, Words): {', '.join(found)};"
            f" at most {allowed} are allowed."
        )
    elif len(found) < allowed:
        yield f"{_name(page)} has {len(found)} turns: lower its entry in tests/docs/shelves.py."


@cache
def _prose(page: Path) -> str:
    return without_blocks(page.read_text(encoding="utf-8"))


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
