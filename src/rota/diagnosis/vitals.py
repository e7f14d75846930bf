"""What is wrong within this process, by what was done and what is due; read without the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rota.runtime import log_queue

if TYPE_CHECKING:
    from rota.engine.node import Node

TICK_LATE = 5.0
"""Seconds without a tick, or with an end that is not written, after which that is a trouble."""

SLOW = 2.0
"""Seconds without an answer after which the ledger is said to be slow, before it is away."""

MOST = 10
"""Tasks that are named one by one."""


def troubles(engine: Node) -> list[str]:
    """Return a reason for everything within this process that is not as it should be.

    The same for `/health`, `rota doctor`, the pages, and, with the heartbeat, for other nodes."""
    if not engine.is_running:
        return []
    found = []
    if (deaf := log_queue.trouble()) is not None:
        found.append(deaf)
    found += _loops(engine)
    tick_age = engine.ticking.tick_age()
    if tick_age > TICK_LATE:
        found.append(f"the clock has not ticked for {tick_age:.1f} s")
    if engine.gateway.trouble is None:  # else that is why
        found += _undone(engine)
    return found + engine.planner.refusals.troubles()


def _loops(engine: Node) -> list[str]:
    stands = engine.service_loop.silent()
    if stands is not None:
        return [f"the engine's own loop has stood for {stands[0]:.0f} s at {stands[1]}"]
    waits = engine.gateway.trouble is not None or engine.ledger.latency() > SLOW
    looks = [turning.trouble(waits=waits) for turning in engine.service_loop.turnings]
    return [trouble for trouble in looks if trouble is not None]


def _undone(engine: Node) -> list[str]:
    found = engine.unplanned.troubles()
    if len(found) > MOST:
        found[MOST:] = [f"{len(found) - MOST} more tasks should have been planned and were not"]
    count, age = engine.recorder.backlog()
    if age > TICK_LATE:
        found.append(f"{count} attempts have ended and are not written, the oldest for {age:.0f} s")
    return found
