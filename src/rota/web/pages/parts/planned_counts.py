"""Counting the occurrences of coming days, without computing every instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rota import triggers
from rota.core.time import Instant
from rota.engine.planning.task_registry import RegisteredTask

MOST_LOOKED_FOR = 100_000
"""The most instants computed in total; intervals are counted by arithmetic, which is free."""


@dataclass(slots=True)
class PlannedCounts:
    """The number of occurrences in a range of time."""

    count: int = 0
    is_more: bool = False  # not all were counted


def planned(
    entries: Sequence[RegisteredTask], edges: Sequence[Instant], now: Instant
) -> list[PlannedCounts]:
    """Return the number of occurrences after `now` between each two successive edges."""
    counts = [PlannedCounts() for _ in edges[1:]]
    left, tasks = MOST_LOOKED_FOR, len(entries)
    for entry in entries:
        left -= _count(entry, edges, now, counts, left // tasks)
        tasks -= 1
    return counts


def _count(
    entry: RegisteredTask,
    edges: Sequence[Instant],
    now: Instant,
    counts: Sequence[PlannedCounts],
    limit: int,
) -> int:
    """Add the occurrences of one task; returns how many instants were computed."""
    first = entry.next_run(now)
    cost = 0
    for start, end, sum_up in zip(edges, edges[1:], counts, strict=False):
        if first is None or end <= first:
            continue
        after = max(start, first) - 1
        found = triggers.count_between(entry.firing, after, end - 1, limit - cost + 1)
        if not triggers.is_countable(entry.firing):
            sum_up.is_more |= found > limit - cost
            found = min(found, limit - cost)
            cost += found
        sum_up.count += found
    return cost
