"""The audit: every change with its author, its time and its reason, through whichever face it came
in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rota.core.time import DAY, Instant

KEPT: Instant = 365 * DAY
"""How much older than the newest change the kept changes are; the ledger deletes no later one."""


class Face(StrEnum):
    """The face through which a change came in."""

    PYTHON = "python"
    CLI = "cli"
    REST = "rest"
    PAGE = "page"


class Verb(StrEnum):
    """The kind of a change."""

    CREATE = "create"
    EDIT = "edit"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"  # an occurrence that is yet to come
    REMOVE = "remove"
    RUN = "run"
    RETRY = "retry"
    RERUN = "rerun"  # the occurrence of a run
    BACKFILL = "backfill"  # past occurrences
    CANCEL = "cancel"
    OPEN = "open"  # a maintenance window
    CLOSE = "close"  # a maintenance window, before its end
    DRAIN = "drain"  # a node: it takes no new runs
    UNDRAIN = "undrain"
    GRANT = "grant"  # a token
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change: the face, and the name of a user, a token or a task, if known."""

    face: Face = Face.PYTHON
    name: str = ""


def name_of(actor: Actor) -> str:
    """Return the name to show of the author of a change, or the face it came through."""
    return actor.name or actor.face.value


UNNAMED_ACTOR = Actor()
"""Code of the application that named no user."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the audit. `before` and `after` hold what differs, and nothing else."""

    id: str
    at: Instant
    face: Face
    who: str
    verb: Verb
    task_id: str | None
    run_id: str | None
    reason: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes; None means all. `since` is inclusive, `until` exclusive."""

    task_id: str | None = None
    run_id: str | None = None
    verbs: Collection[Verb] | None = None
    face: Face | None = None
    who: str | None = None
    since: Instant | None = None
    until: Instant | None = None


EVERY_CHANGE = AuditFilter()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of changes, newest first, and the cursor of the next, None on the last."""

    changes: list[Change]
    next: str | None
