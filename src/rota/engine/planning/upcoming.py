"""What will be planned: the coming occurrences of tasks, as their triggers name them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from rota.core.time import Instant
from rota.engine.planning.task_registry import RegisteredTask


def upcoming(entry: RegisteredTask, now: Instant) -> Iterator[Instant]:
    """Yield the occurrences of a task after `now`; none while it is disabled or paused."""
    instant = entry.next_run(now)
    while instant is not None:
        yield instant
        instant = entry.firing.next_after(instant)


def upcoming_of_all(
    entries: Iterable[RegisteredTask], now: Instant
) -> Iterator[tuple[Instant, RegisteredTask]]:
    """Yield the occurrences of all tasks in the order of their times, then ids."""
    streams = (_keyed(entry, now) for entry in entries)
    for instant, _, entry in heapq.merge(*streams, key=lambda found: found[:2]):
        yield instant, entry


def _keyed(entry: RegisteredTask, now: Instant) -> Iterator[tuple[Instant, str, RegisteredTask]]:
    for instant in upcoming(entry, now):
        yield instant, entry.definition.id, entry
