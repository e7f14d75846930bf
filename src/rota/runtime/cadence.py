"""Loops that look again and again, on one beat: one waking serves them all, and costs as much as
most of what they do."""

from __future__ import annotations

BEAT = 0.25
"""Seconds; what waits for multiples of it wakes together with all others."""


def until_beat(now: float, every: float = BEAT) -> float:
    """Return the seconds from `now`, a monotonic time, to the next multiple of `every`."""
    return every - now % every
