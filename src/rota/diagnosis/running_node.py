"""How the running project is: as its node answers, else by what the ledger has of its nodes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from rota.config import Xcorecfg
from rota.core import time_text
from rota.core.limits import GroupLimit
from rota.core.ports.history import History
from rota.core.ports.ledger import Ledger
from rota.core.ports.records import NodeRecord
from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.time import SECOND, Instant
from rota.diagnosis import thresholds
from rota.diagnosis.health import (
    as_json,
    broken,
    clocks_apart,
    damaged,
    due_json,
    stuck_at,
    unsound,
    unwell,
)
from rota.diagnosis.vitals import ticking
from rota.diagnosis.waits import overdue_waits, waits
from rota.errors import RotaError
from rota.runtime.node_process import is_dead
from rota.runtime.working_directory import here

START = "; start it with `rota up`"

Opened = Callable[[], AbstractContextManager[Ledger | None]]
"""Opens the project's ledger for reading; None if there is none yet."""


def health(config: Xcorecfg, opened: Opened) -> dict[str, Any]:
    """Return the health of the project's node as JSON, with `status` and `reasons`.

    A node that answers reports everything; of one that only renews its lease, the ledger has what
    it last reported. Makes no ledger, and does not open it if this directory's own node answers:
    the ledger may be what is wrong.
    """
    answer = _asked(config)
    if answer is not None and answer.get("project") == str(here()):
        return answer
    try:
        with opened() as ledger:
            if ledger is None:
                return _down(config, "missing", f"nothing ever ran here{START}")
            if answer is not None and _is_ours(answer, ledger.history):
                return answer
            return from_ledger(ledger, ledger.clock.now(), config.cluster.limits())
    except RotaError as error:
        return answer or _down(config, "unusable", f"the ledger cannot be opened: {error}")


def _asked(config: Xcorecfg) -> dict[str, Any] | None:
    """Return what answers at the project's address, if it reads like a report of health."""
    settings = config.manager
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        address = f"http://{host}:{settings.port}/health"
        with opener.open(address, timeout=thresholds.NODE_ANSWER) as response:
            text = response.read(thresholds.ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        text = error.read(thresholds.ANSWER_BYTES)
    except (OSError, ValueError):
        return None
    try:
        report = json.loads(text)
    except ValueError:
        return None
    known = isinstance(report, dict) and report.get("status") in ("healthy", "degraded", "down")
    return report if known else None


def _is_ours(report: Mapping[str, Any], history: History) -> bool:
    """Return whether a node of this ledger answered: another project may listen on the port."""
    name = report.get("node")
    return name is None or any(node.name == name for node in history.nodes())


def from_ledger(ledger: Ledger, now: Instant, groups: Mapping[str, GroupLimit]) -> dict[str, Any]:
    """Return the health of a project whose nodes do not answer, by what they last reported."""
    history = ledger.history
    nodes = live_nodes(history, now)
    if not nodes:
        return {**_down_by(history.nodes(), now), "ledger": _sound(ledger)}
    found, held, due = _oldest_due(history, now, groups)
    damages = history.damages()
    found += damaged(damages)
    ticks = [age for node in nodes if (age := _number(node, "tick_age")) is not None]
    tick_age = max(ticks, default=None)
    found += [] if tick_age is None else ticking(tick_age)
    stuck = [
        {"task_id": task_id, "place": place}
        for node in nodes
        for task_id, place in dict(node.info.get("stuck") or {}).items()
    ]
    found += [stuck_at(one["task_id"], one["place"]) for one in stuck]
    blocked = next((b for node in nodes if (b := node.info.get("blocked_loop"))), None)
    if blocked:
        text = f"the task loop is blocked by {blocked}"
        found.append(reason(TroubleCode.LOOP_BLOCKED, text))
    broken_tasks = {
        str(id): str(mistake)
        for node in nodes
        for id, mistake in dict(node.info.get("broken_tasks") or {}).items()
    }
    found += broken(broken_tasks)
    for node in nodes:
        found += [
            one._replace(text=f"node {node.name}: {one.text}")
            for one in unwell(node)
            if one.code is not TroubleCode.TICK_LATE  # the oldest tick is a reason already
        ]
    found += unsound(history, now)
    clocks = {node.name: ahead for node in nodes if (ahead := _number(node, "clock_ahead"))}
    for name, ahead in clocks.items():
        found += clocks_apart(ahead, f"node {name}")
    return {
        "status": "degraded" if found else "healthy",
        **as_json(found + held),
        "node": ", ".join(node.name for node in nodes),
        "tick_age": tick_age,
        **due,
        "ledger": _sound(ledger),
        "tasks": max(int(node.info.get("tasks", 0)) for node in nodes),
        "running": sum(int(node.info.get("running", 0)) for node in nodes),
        "stuck": stuck,
        "blocked_loop": blocked,
        "clock_ahead": max(clocks.values(), key=abs, default=None),
        "damaged_rows": [one._asdict() for one in damages],
        "broken_task_files": None,  # only the node itself knows, and its page does not answer
        "broken_tasks": broken_tasks,
    }


def live_nodes(history: History, now: Instant) -> list[NodeRecord]:
    """Return the nodes that are up for every task: their lease holds, their process is not known
    dead, and they are no `rota run` that works alone."""
    return [
        node
        for node in history.nodes()
        if node.state == "up"
        and node.lease_until > now
        and not node.info.get("only")
        and not is_dead(node)
    ]


def _number(node: NodeRecord, key: str) -> float | None:
    value = node.info.get(key)
    return value if isinstance(value, int | float) else None


def _sound(ledger: Ledger) -> dict[str, Any]:
    return {"state": "ok", "latency": None, "url": ledger.url}


def _oldest_due(
    history: History, now: Instant, groups: Mapping[str, GroupLimit]
) -> tuple[list[Reason], list[Reason], dict[str, Any]]:
    counts = history.counts(now)
    if counts.oldest_due is None:
        return [], [], {"oldest_due": None, "waiting": counts.waiting}
    is_late = now - counts.oldest_due > thresholds.START_LATE * SECOND
    found = waits(history, now, groups=groups) if is_late else []
    due = {"oldest_due": due_json(counts.oldest_due, now, found), "waiting": counts.waiting}
    return *overdue_waits(found, now), due


def _down_by(nodes: list[NodeRecord], now: Instant) -> dict[str, Any]:
    text = "no node was ever up"
    if nodes:
        last = max(nodes, key=lambda node: node.seen_at)
        text = f"no node is up: {last.name} was seen {time_text.away(last.seen_at, now)}"
        text += ", it was stopped" if last.state == "stopped" else ""
    return _report_down(text + START)


def _down(config: Xcorecfg, state: str, text: str) -> dict[str, Any]:
    from rota.config import redact_url

    ledger = {"state": state, "latency": None, "url": redact_url(config.manager.ledger_url)}
    return {**_report_down(text), "ledger": ledger}


def _report_down(text: str) -> dict[str, Any]:
    return {
        "status": "down",
        **as_json([reason(TroubleCode.NODE_DOWN, text)]),
        "node": None,
        "tick_age": None,
        "oldest_due": None,
        "waiting": None,
        "tasks": None,
        "running": None,
        "stuck": None,
        "blocked_loop": None,
        "clock_ahead": None,
        "broken_task_files": None,
        "broken_tasks": None,
        "damaged_rows": None,
    }
