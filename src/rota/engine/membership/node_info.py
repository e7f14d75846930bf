"""What a node publishes about itself with each heartbeat."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rota import triggers
from rota.core.time import to_iso
from rota.diagnosis.health import as_info
from rota.diagnosis.vitals import troubles
from rota.engine.health.vitals import broken_tasks, vitals
from rota.runtime.node_process import process_start_token

if TYPE_CHECKING:
    from rota.engine.node import Node

MOST_REASONS = 10
"""Reasons of its health that a node publishes."""


def describe(node: Node, info: dict[str, Any]) -> None:
    """Write the node's identity and activity into `info`; listens to `beat_prepared`."""
    capacity = node.capacity
    info["born"] = process_start_token(os.getpid())
    info["role"], info["only"] = node.role, capacity.only
    info["broker"] = node.broker is not None
    info["queues"] = None if capacity.queues is None else sorted(capacity.queues)
    info["generation"], info["tz"] = node.identity.generation, triggers.tz_version()
    info["running"], info["tasks"] = len(node.in_flight), len(node.registry)
    info["clock_ahead"], info["at"] = node.clock_ahead, to_iso(node.clock.now())


def describe_health(node: Node, info: dict[str, Any]) -> None:
    """Write what is wrong with the node into `info`; listens to `beat_prepared`."""
    blocked = node.watchdog.blocked()
    info["stuck"] = node.stuck.here()
    info["blocked_loop"] = blocked and f"{blocked.task_id} at {blocked.place}"
    info["tick_age"] = round(node.ticking.tick_age(), 3)
    info["broken_tasks"] = broken_tasks(node)
    info.update(as_info(troubles(vitals(node))[:MOST_REASONS] if node.is_running else []))
