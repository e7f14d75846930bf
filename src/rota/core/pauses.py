"""Pauses: of one task, of every task with a tag, of all tasks; a task is paused while any holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from rota.core.time import Instant

OWN = "task"
"""The scope of a task's own pause."""

ALL = "all"
"""The scope of a pause of all tasks."""

_TAG = "tag:"


class Pause(NamedTuple):
    """One pause: what it holds, from when until when, who asked for it and why."""

    scope: str  # `task`, `all`, or `tag:` and the tag
    since: Instant
    until: Instant | None  # None: until it is resumed
    reason: str = ""
    by: str = ""

    def lasts(self, now: Instant) -> bool:
        """Return whether it has not ended by itself at `now`."""
        return self.until is None or self.until > now

    def holds(self, tags: Collection[str]) -> bool:
        """Return whether it holds a task with these tags, of which it may be the own one."""
        return self.scope in (OWN, ALL) or tag_of(self.scope) in tags


def scope_of(tag: str | None) -> str:
    """Return the scope of a pause of the tasks with a tag; without one, of all tasks."""
    return ALL if tag is None else f"{_TAG}{tag}"


def tag_of(scope: str) -> str | None:
    """Return the tag whose tasks a pause holds; None if it is no pause by tag."""
    return scope.removeprefix(_TAG) if scope.startswith(_TAG) else None


def held_by(scope: str) -> str:
    """Return what a pause holds, in words: "tag db", "all tasks", or "" for a task's own."""
    tag = tag_of(scope)
    return f"tag {tag}" if tag is not None else "all tasks" if scope == ALL else ""


def in_words(pauses: Iterable[Pause]) -> str:
    """Return why a task is paused, in words: the reason of each pause, with what it holds."""
    said = []
    for one in pauses:
        what = held_by(one.scope)
        said.append(f"{what}: {one.reason}" if what and one.reason else what or one.reason)
    return "; ".join(filter(None, said))


def end_of(pauses: Collection[Pause]) -> Instant | None:
    """Return when the last of these pauses ends; None if one lasts until it is resumed."""
    ends = [one.until for one in pauses if one.until is not None]
    return max(ends) if len(ends) == len(pauses) and ends else None
