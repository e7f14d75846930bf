"""What a task itself says of its run: attempt it again, skip it, or let it fail."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MOST_FREE = 100
"""Attempts of a run that may ask for another one without counting as failed."""


class VerdictKind(StrEnum):
    """What a task may say of its run."""

    RETRY = "retry"
    SKIP = "skip"
    FAIL = "fail"


class TaskVerdict(NamedTuple):
    """What a task says of its run, and why."""

    kind: VerdictKind
    reason: str
    after: float | None = None  # seconds until the next attempt; None: as the task's options say
    is_free: bool = False  # this attempt does not count as failed
