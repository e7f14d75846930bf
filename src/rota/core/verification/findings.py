"""The findings of verification: the places where the record and the rule disagree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rota.core.time import Instant


class Code(StrEnum):
    """The kinds of disagreement."""

    HOLE = "hole"  # an occurrence without a row
    DOUBLE = "double"  # an occurrence with two, or two runs that exclude each other
    UNNAMED = "unnamed"  # a row for an instant that no rule names
    OVERLAP = "overlap"  # a row for several occurrences, some of which have a row of their own
    EARLY = "early"  # started before its time
    BACKWARDS = "backwards"  # ended before it started
    UNSTARTED = "unstarted"  # ended without a start
    IMPOSSIBLE = "impossible"  # a state that cannot be
    LEASE = "lease"  # a run that runs on a node that is not there
    FENCE = "fence"  # a fence that no lease has given
    ATTEMPTS = "attempts"  # attempts that are missing or too many
    STRAY = "stray"  # attempts, steps or log lines without their run
    CURSOR = "cursor"  # planned up to an instant that is yet to come
    PAUSE = "pause"  # a pause that no user set, or that a user ended
    UNKNOWN = "unknown"  # a run of a task that there never was


REMEDIES = {
    Code.HOLE: "Run it manually if it matters; `rota show` lists what its task did then.",
    Code.DOUBLE: "Look whether its effects are there twice; `rota runs` shows both.",
    Code.UNNAMED: "A user changed the row, or the task's rule, behind rota's back.",
    Code.OVERLAP: "The row counts too many: take those with rows of their own as the truth.",
    Code.EARLY: "Look at the clocks of the nodes (NTP).",
    Code.BACKWARDS: "Look at the clocks of the nodes (NTP).",
    Code.UNSTARTED: "Do not trust this row: look into the log of its node.",
    Code.IMPOSSIBLE: "Do not trust this row: look into the log of its node.",
    Code.LEASE: "A node that is up takes it over within seconds: start one with `rota up`.",
    Code.FENCE: "Do not trust this row: look into the log of its node.",
    Code.ATTEMPTS: "Part of the history was deleted behind rota's back; nothing depends on it.",
    Code.STRAY: "Part of the history was deleted behind rota's back; nothing depends on it.",
    Code.CURSOR: "A clock was ahead: the next start of a node puts it right.",
    Code.PAUSE: "`rota resume` ends the pause, `rota pause` makes it one that is on record.",
    Code.UNKNOWN: "No node will run it: cancel it if it waits.",
}
"""What to do about each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement: of a task or a run, at an instant, or at `count` of them up to `last`."""

    code: Code
    task_id: str
    text: str
    run_id: str | None = None
    at: Instant | None = None
    last: Instant | None = None
    count: int = 1
    is_mended: bool = False  # the missing row exists by now

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return REMEDIES[self.code]
