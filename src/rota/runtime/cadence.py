"""One beat for all polling loops: they wake together, since waking costs as much as most work."""

from __future__ import annotations

BEAT = 0.25
"""Seconds; loops that wait for multiples of it wake together."""


def until_beat(now: float, every: float = BEAT) -> float:
    """Return the seconds from `now`, a monotonic time, to the next multiple of `every`."""
    return every - now % every
