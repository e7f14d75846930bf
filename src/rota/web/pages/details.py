"""The pages of one task and of one run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rota.core.ports import RunFilter
from rota.core.run import ACTIVE
from rota.errors import UnknownTaskError
from rota.manager import TaskManager
from rota.web.api.tasks import existing
from rota.web.pages.shown import duration, node_names, row, upcoming

RUNS_PER_PAGE = 30
UPCOMING = 10
LINES = 1_000
"""Lines of a log that the page shows; the API gives the others."""
_MOST_READ = 10_000


def task_values(manager: TaskManager, id: str, after: str | None) -> dict[str, Any]:
    """Return what the page of a task shows; raises UnknownTaskError, LedgerError."""
    task = existing(manager, id)
    now = manager.services.clock.now()
    entry = manager.services.engine.registry.get(id)
    stored = manager.history.task(id)
    page = manager.history.runs(RunFilter(task_id=id), limit=RUNS_PER_PAGE, after=after)
    policy = entry.policy if entry else stored.record.policy
    return {
        "app_name": manager.config.app_name,
        "now": now,
        "health": manager.health(),
        "row": row(manager, task),
        "policy": asdict(policy),
        "executor": stored.record.executor,
        "upcoming": upcoming(entry, now, UPCOMING),
        "runs": page.runs,
        "older": page.next,
        "newest": after is None,
        "nodes": node_names(manager),
    }


def run_values(manager: TaskManager, id: str) -> dict[str, Any]:
    """Return what the page of a run shows; raises UnknownRunError, LedgerError."""
    run = manager.get_run(id)
    now = manager.services.clock.now()
    lines = manager.history.logs(run.id, limit=_MOST_READ)
    return {
        "app_name": manager.config.app_name,
        "now": now,
        "health": manager.health(),
        "run": run,
        "name": _name(manager, run.task_id),
        "active": run.state in ACTIVE,
        "duration": duration(run, now),
        "attempts": manager.history.attempts(run.id),
        "steps": manager.history.steps(run.id),
        "lines": lines[-LINES:],
        "omitted": max(0, len(lines) - LINES),
        "after": f"{lines[-1].attempt}.{lines[-1].seq}" if lines else "0.0",
        "nodes": node_names(manager),
    }


def _name(manager: TaskManager, task_id: str) -> str:
    try:
        stored = manager.history.task(task_id)
    except UnknownTaskError:
        return task_id
    return stored.edits.name or stored.record.name
