"""How the running project is: from its own mouth where it answers, else from the ledger."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from rota.cli import formatting, project
from rota.config import Xcorecfg
from rota.core.limits import GroupLimit
from rota.core.ports.history import History
from rota.core.ports.ledger import Ledger
from rota.core.ports.records import NodeRecord
from rota.core.time import SECOND, Instant, to_iso
from rota.diagnosis.due_runs import waits
from rota.diagnosis.health import DUE_LATE, WAITS, clocks_apart, damaged, unsound
from rota.errors import RotaError
from rota.runtime.working_directory import here

_PATIENCE = 3.0
"""Seconds to wait for the answer; the node itself gives its ledger two."""
_LONGEST = 10 * 2**20  # bytes of an answer
_TICK_LATE = 5.0
_START = "; start it with `rota up`"


def health(config: Xcorecfg) -> dict[str, Any]:
    """Return the health of the project's node as JSON, with `status` and `reasons`.

    A node that answers says everything; one that only renews its lease, what stands there. Makes
    no ledger where there is none, and does not need it where this directory's own node answers:
    it may be the ledger that is ill.
    """
    answer = _asked(config)
    if answer is not None and answer.get("project") == str(here()):
        return answer
    try:
        if not project.has_ledger(config):
            return _down(config, "missing", f"nothing ever ran here{_START}")
        with project.opened_ledger(config) as ledger:
            if answer is not None and _is_ours(answer, ledger.history):
                return answer
            return _from_ledger(ledger, ledger.clock.now(), config.cluster.limits())
    except RotaError as error:
        return answer or _down(config, "unusable", f"the ledger cannot be opened: {error}")


def _asked(config: Xcorecfg) -> dict[str, Any] | None:
    """Return what answers at the project's address, if it reads like a report of health."""
    settings = config.manager
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{settings.port}/health", timeout=_PATIENCE) as response:
            text = response.read(_LONGEST)
    except urllib.error.HTTPError as error:
        text = error.read(_LONGEST)
    except (OSError, ValueError):
        return None
    try:
        report = json.loads(text)
    except ValueError:
        return None
    known = isinstance(report, dict) and report.get("status") in ("healthy", "degraded", "down")
    return report if known else None


def _is_ours(report: Mapping[str, Any], history: History) -> bool:
    """Say whether a node of this ledger answered: another project may listen on the port."""
    name = report.get("node")
    return name is None or any(node.name == name for node in history.nodes())


def _from_ledger(ledger: Ledger, now: Instant, groups: Mapping[str, GroupLimit]) -> dict[str, Any]:
    nodes = project.live_nodes(ledger.history, now)
    if not nodes:
        return {
            **_down_by(ledger.history.nodes(), now),
            "ledger": {"state": "ok", "latency": None, "url": ledger.url},
        }
    reasons: list[str] = []
    held: list[str] = []
    due = _oldest_due(ledger.history, now, groups, reasons, held)
    damages = ledger.history.damages()
    reasons += damaged(damages)
    ticks = [node.info.get("tick_age") for node in nodes]
    tick_age = max((age for age in ticks if isinstance(age, int | float)), default=None)
    if tick_age is not None and tick_age > _TICK_LATE:
        reasons.append(f"the clock has not ticked for {tick_age:.1f} s")
    stuck = [
        {"task_id": task_id, "place": place}
        for node in nodes
        for task_id, place in dict(node.info.get("stuck") or {}).items()
    ]
    reasons += [f"{one['task_id']} would not stop and is stuck at {one['place']}" for one in stuck]
    blocked = next((b for node in nodes if (b := node.info.get("blocked_loop"))), None)
    if blocked:
        reasons.append(f"the task loop is blocked by {blocked}")
    broken = {
        str(id): str(mistake)
        for node in nodes
        for id, mistake in dict(node.info.get("broken_tasks") or {}).items()
    }
    reasons += [f"task {id} is broken: {mistake}" for id, mistake in broken.items()]
    for node in nodes:
        unwell = node.info.get("unwell")
        told = map(str, unwell if isinstance(unwell, list) else [])
        reasons += [f"node {node.name}: {one}" for one in told if "has not ticked" not in one]
    reasons += unsound(ledger.history, now)
    clocks = {node.name: node.info.get("clock_ahead") for node in nodes}
    for name, ahead in clocks.items():
        reasons += clocks_apart(ahead, f"node {name}") if ahead else []
    return {
        "status": "degraded" if reasons else "healthy",
        "reasons": reasons + held,
        "node": ", ".join(node.name for node in nodes),
        "tick_age": tick_age,
        **due,
        "ledger": {"state": "ok", "latency": None, "url": ledger.url},
        "tasks": max(int(node.info.get("tasks", 0)) for node in nodes),
        "running": sum(int(node.info.get("running", 0)) for node in nodes),
        "stuck": stuck,
        "blocked_loop": blocked,
        "clock_ahead": max((ahead for ahead in clocks.values() if ahead), key=abs, default=None),
        "damaged_rows": [one._asdict() for one in damages],
        "broken_task_files": None,  # only the node itself knows, and its page does not answer
        "broken_tasks": broken,
    }


def _oldest_due(
    history: History,
    now: Instant,
    groups: Mapping[str, GroupLimit],
    reasons: list[str],
    held: list[str],
) -> dict[str, Any]:
    counts = history.counts(now)
    if counts.oldest_due is None:
        return {"oldest_due": None, "waiting": counts.waiting}
    age = (now - counts.oldest_due) / SECOND
    found = waits(history, now, WAITS, groups=groups) if age > WAITS else []
    for one in found:
        if now - one.since > DUE_LATE * SECOND:
            (reasons if one.is_trouble else held).append(one.why)
    why = found[0].why if found else None
    due = {"at": to_iso(counts.oldest_due), "age": round(age, 3), "why": why}
    return {"oldest_due": due, "waiting": counts.waiting}


def _down_by(nodes: list[NodeRecord], now: Instant) -> dict[str, Any]:
    reason = "no node was ever up"
    if nodes:
        last = max(nodes, key=lambda node: node.seen_at)
        reason = f"no node is up: {last.name} was seen {formatting.away(last.seen_at, now)}"
        reason += ", it was stopped" if last.state == "stopped" else ""
    return _report_down(reason + _START)


def _down(config: Xcorecfg, state: str, reason: str) -> dict[str, Any]:
    from rota.config import masked

    ledger = {"state": state, "latency": None, "url": masked(config.manager.ledger_url)}
    return {**_report_down(reason), "ledger": ledger}


def _report_down(reason: str) -> dict[str, Any]:
    return {
        "status": "down",
        "reasons": [reason],
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
