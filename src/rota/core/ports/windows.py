"""Maintenance windows that were opened manually: what the ledger keeps of them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rota.core.time import Instant


class WindowAction(StrEnum):
    """What happens to an occurrence in a window."""

    SKIP = "skip"
    DELAY = "delay"  # to the end of the window
    ALLOW = "allow"  # nothing, whatever other windows say


class OpenedWindow(NamedTuple):
    """A window that was opened manually; once it is closed, `until` says when."""

    id: int
    since: Instant
    until: Instant | None  # the first instant after it; None: until it is closed
    action: WindowAction
    everyone: bool
    tags: tuple[str, ...]
    tasks: tuple[str, ...]
    reason: str = ""
    by: str = ""

    def lasts(self, now: Instant) -> bool:
        """Return whether it is open at `now`."""
        return self.until is None or self.until > now

    @property
    def scope(self) -> tuple[object, ...]:
        """Return what it is about and what it does: two windows that last never share that."""
        return self.action, self.everyone, self.tags, self.tasks


class DelayedRun(NamedTuple):
    """A run that waits for the end of a window."""

    id: str
    task_id: str
    fire_time: Instant
    available_at: Instant


class DelayedStart(NamedTuple):
    """When a run starts that waits for the end of a window, and why it waits."""

    run_id: str
    available_at: Instant
    reason: str


def about(everyone: bool, tags: tuple[str, ...], tasks: tuple[str, ...]) -> str:
    """Return which tasks a window is about, in words: "all tasks", "tags db, web; task bill"."""
    if everyone:
        return "all tasks"
    parts = [
        f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names)}"
        for noun, names in (("tag", tags), ("task", tasks))
        if names
    ]
    return "; ".join(parts)
