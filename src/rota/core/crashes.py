"""Which task is to be paused because it kills its workers again and again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from rota.core.time import Instant


class End(NamedTuple):
    """How one attempt of a task ended, as far as its worker is concerned."""

    at: Instant
    node: str
    crashed: bool  # else it failed, timed out or succeeded: the worker lived


class Suspect(NamedTuple):
    """A task that had attempts under way when workers died."""

    task_id: str
    began: Instant  # when the last of these attempts began
    before: int  # crashes in a row until then
    after: int
    limit: int  # its `max_crashes`

    @property
    def is_due(self) -> bool:
        """Say whether these crashes made it `limit` in a row, or twice that after a resume."""
        return self.after // self.limit > self.before // self.limit


def in_a_row(ends: Iterable[End]) -> int:
    """Count the crashes since the last attempt that its worker outlived; what one death of a node
    cut off at once is one crash."""
    crashes: set[tuple[Instant, str]] = set()
    for end in sorted(ends, key=lambda end: (end.at, not end.crashed), reverse=True):
        if not end.crashed:
            break
        crashes.add((end.at, end.node))
    return len(crashes)


def blamed(suspects: Collection[Suspect]) -> Suspect | None:
    """Return which of those that were under way when one worker died is to be paused, if any.

    One alone may have done it. So of several for which it is time, it is the one that began last,
    and the others have another chance.
    """
    due = [suspect for suspect in suspects if suspect.is_due]
    return max(due, key=lambda suspect: suspect.began, default=None)


def why_paused(suspect: Suspect) -> str:
    """Return the reason of the pause."""
    times = "1 time" if suspect.after == 1 else f"{suspect.after} times"
    return (
        f"its worker died {times} in a row (max_crashes={suspect.limit}):"
        " it is not started again until somebody resumes it"
    )
