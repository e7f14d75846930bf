"""What every trigger can do, and what follows from that alone."""

from __future__ import annotations

from hashlib import blake2b

from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.triggers.dst import LATEST

LAST_INSTANT: Instant = LATEST * 1_000_000 + 999_999
"""The last microsecond of the year 9999 in UTC; no trigger names a later instant."""


def start_delay(trigger: Trigger, task_id: str, instant: Instant) -> Instant:
    """Return how long the occurrence of `instant` waits before it starts, in microseconds.

    Uniform in 0..jitter, and the same on every node: it is derived from the task and the instant.
    It delays the start only; the occurrence keeps its instant. None starts after the trigger's end.
    """
    longest = trigger.jitter
    if longest and trigger.end is not None:
        longest = min(longest, trigger.end - instant)
    if longest <= 0:
        return 0
    key = f"{task_id}\0{instant}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(blake2b(key, digest_size=8).digest())
    return drawn * (longest + 1) >> 64


def between(trigger: Trigger, after: Instant, until: Instant, limit: int) -> list[Instant]:
    """List the first `limit` instants strictly after `after` and not after `until`."""
    found: list[Instant] = []
    while len(found) < limit:
        instant = trigger.next_after(after)
        if instant is None or instant > until:
            break
        found.append(instant)
        after = instant
    return found
