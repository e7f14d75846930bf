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
    "docs/decisions/0001-sqlite-json-batches.md": 3,
    "docs/decisions/0002-libraries.md": 2,
    "docs/decisions/0003-one-table-for-occurrences-and-runs.md": 1,
    "docs/decisions/0006-several-writers-in-postgresql.md": 1,
    "docs/decisions/0007-written-ahead-of-the-instant.md": 3,
    "docs/decisions/0009-clocks-that-misbehave.md": 5,
    "docs/decisions/0010-who-may-start.md": 8,
    "docs/decisions/0011-a-ledger-that-is-away.md": 12,
    "docs/decisions/0012-two-releases-on-one-ledger.md": 4,
    "docs/decisions/0013-forks.md": 4,
    "docs/decisions/0014-the-end-has-a-limit.md": 3,
    "docs/decisions/0016-events.md": 6,
    "docs/decisions/0017-pages-are-fetched-again.md": 3,
    "docs/decisions/0018-who-may-come-in.md": 7,
    "docs/decisions/0019-engines.md": 5,
    "docs/decisions/0020-a-copy-is-whole.md": 6,
    "docs/decisions/0021-a-skip-is-a-row.md": 1,
    "docs/decisions/0022-limits.md": 3,
    "docs/decisions/0023-starting-and-idling.md": 3,
    "docs/decisions/0024-verdicts.md": 4,
    "docs/decisions/0025-arguments-and-results.md": 5,
    "docs/decisions/0026-the-record-is-verified.md": 4,
    "docs/decisions/0027-who-kills-workers.md": 1,
    "docs/decisions/0028-two-distributions.md": 2,
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
