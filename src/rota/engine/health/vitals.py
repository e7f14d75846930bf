"""What this node measures of itself; the diagnosis decides what of that is wrong."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rota.diagnosis import thresholds
from rota.diagnosis.node_state import NodeState, StuckAttempt
from rota.diagnosis.vitals import Vitals
from rota.runtime import log_queue

if TYPE_CHECKING:
    from rota.engine.node import Node


def vitals(node: Node) -> Vitals:
    """Return what is measured without the ledger; from any thread."""
    trouble = node.gateway.trouble
    return Vitals(
        log=log_queue.delivery(),
        loops=[turning.look() for turning in node.service_loop.turnings],
        tick_age=node.ticking.tick_age(),
        latency=node.ledger.latency(),
        stands=node.service_loop.silent(),
        away=None if trouble is None else (node.clock.monotonic() - trouble[0], trouble[1]),
        unplanned=node.unplanned.overdue(),
        unwritten=node.recorder.backlog(),
        refused=node.planner.refusals.found(),
    )


def state(node: Node) -> NodeState:
    """Return the role and the activity of this node; from any thread."""
    now = node.clock.monotonic()
    blocked = node.watchdog.blocked()
    carriers = (node.outbox, node.inbox)
    return NodeState(
        name=node.identity.name,
        is_running=node.is_running,
        vitals=vitals(node),
        ledger_url=node.ledger.url,
        tasks=len(node.registry),
        running=len(node.in_flight),
        stuck=[
            StuckAttempt(one.task_id, one.run_id, one.place, now - one.since)
            for executor in node.executors.values()
            for one in executor.stuck()
        ],
        blocked=None if blocked is None else (blocked.seconds, blocked.task_id, blocked.place),
        clock_ahead=node.clock_ahead,
        broken_tasks=broken_tasks(node),
        broker=[one.trouble for one in carriers if one is not None and one.trouble is not None],
        stalls=node.delivery.stalls(),
        frozen=node.watchdog.frozen,
    )


def broken_tasks(node: Node) -> dict[str, str]:
    """Return why tasks are broken, by their ids: edits of them do not fit the code."""
    broken = (one for one in node.registry.entries() if one.mistake)
    return {one.definition.id: one.mistake for one in islice(broken, thresholds.MOST_BROKEN)}
