"""Which task is to be paused because it crashes its workers again and again."""

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
    """A task that had attempts in progress when workers died."""

    task_id: str
    began: Instant  # when the last of these attempts began
    before: int  # crashes in a row until then
    after: int
    limit: int  # its `max_crashes`

    @property
    def is_due(self) -> bool:
        """Return whether these crashes are the `limit`-th in a row, or twice as many after a
        resume.
        """
        return self.after // self.limit > self.before // self.limit


def in_a_row(ends: Iterable[End]) -> int:
    """Return the number of crashes since the last attempt that its worker survived. Attempts cut
    off by one death of a node count as one crash.
    """
    crashes: set[tuple[Instant, str]] = set()
    for end in sorted(ends, key=lambda end: (end.at, not end.crashed), reverse=True):
        if not end.crashed:
            break
        crashes.add((end.at, end.node))
    return len(crashes)


def blamed(suspects: Collection[Suspect]) -> Suspect | None:
    """Return which of the tasks in progress when a worker died is to be paused, if any.

    A single task in progress may have caused the crash. If several have reached their limit, the
    one that began last is paused, and the others get another chance.
    """
    due = [suspect for suspect in suspects if suspect.is_due]
    return max(due, key=lambda suspect: suspect.began, default=None)


def why_paused(suspect: Suspect) -> str:
    """Return the reason of the pause."""
    times = "1 time" if suspect.after == 1 else f"{suspect.after} times"
    return (
        f"its worker died {times} in a row (max_crashes={suspect.limit}):"
        " it is not started again until it is resumed"
    )
