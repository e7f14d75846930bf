"""The screen of one task: its options, its times, its runs."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from rota.core.audit import AuditFilter
from rota.core.ports.records import RunFilter
from rota.core.run import FINAL, State
from rota.core.task import TaskDefinition
from rota.core.time import DAY, SECOND, Instant, from_datetime
from rota.definitions.options import POLICY
from rota.engine.planning.upcoming import upcoming
from rota.manager import TaskManager
from rota.manager.replays import WITHOUT_TIMES
from rota.web.api.tasks import existing
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.chain_picture import chain_picture
from rota.web.pages.parts.edited import edited
from rota.web.pages.parts.figures import duration, lateness, node_names, place
from rota.web.pages.parts.parameters import PREFIX, parameters
from rota.web.pages.parts.source import Excerpt, excerpt
from rota.web.pages.parts.task_rows import rows
from rota.web.pages.parts.time_of_day import SHOWN, days

RUNS_PER_PAGE = 10
UPCOMING = 10
CHANGES = 10
DRAWN = 400
"""The most runs in the charts of a task."""


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen, and the figures for its plots."""

    @router.get("/figures/{id:path}")
    def get_figures(id: str) -> JSONResponse:
        return JSONResponse(_figures(layout.manager, id))

    @router.get("/tasks/{id:path}")
    def show_task(
        request: Request,
        id: str,
        after: Annotated[str | None, Query(max_length=100)] = None,
        tag: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        values = _values(layout.manager, id, layout.now())
        values |= _runs(layout.manager, id, tag, after)
        return layout.show(request, "task.html", about=id, **values)


def _values(manager: TaskManager, id: str, now: Instant) -> dict[str, Any]:
    """Return the values of the template; raises UnknownTaskError and LedgerError."""
    task = existing(manager, id)
    entry = manager.services.engine.registry.get(id)
    stored = manager.history.task(id)
    drawn = manager.history.runs(RunFilter(task_id=id, since=now - SHOWN * DAY), limit=DRAWN).runs
    code = entry.definition if entry else None
    policy = entry.policy if entry else stored.record.policy
    ended = [run for run in drawn if run.state in FINAL and run.started_at is not None]
    return {
        "now": now,
        "row": rows(manager, [task], now)[0],
        "edits": edited(task),
        "file": place(manager, task.file) if task.file else "",
        "rules": policy,
        "policy": [
            (option.label, option.shown(policy)) for option in POLICY.values() if option.label
        ],
        "executor": stored.record.executor,
        "paused_until": task.paused_until and from_datetime(task.paused_until),
        "upcoming": list(islice(upcoming(entry, now), UPCOMING)) if entry else [],
        "has_times": code is not None and code.trigger not in WITHOUT_TIMES,
        "parameters": parameters(code) if code else [],
        "prefix": PREFIX,
        "source": _source(manager, code) if code else None,
        "days": days(drawn, _zone(task.timezone), now),
        "drawn": len(drawn),
        "all_drawn": len(drawn) < DRAWN,
        "good": sum(run.state is State.SUCCEEDED for run in ended),
        "ended": len(ended),
        "newest_end": ended[0].id if ended else "",
        "changes": manager.history.audit(AuditFilter(task_id=id), limit=CHANGES).changes,
        "nodes": node_names(manager),
        "chain": chain_picture(manager, id),
    }


def _runs(manager: TaskManager, id: str, tag: str, after: str | None) -> dict[str, Any]:
    """Return the values of the list of runs: those with a tag of their own, or all."""
    where = RunFilter(task_id=id, tag=tag or None)
    page = manager.history.runs(where, limit=RUNS_PER_PAGE, after=after)
    lists = [(run.options or {}).get("tags", ()) for run in page.runs]
    own = {one for tags in lists for one in tags if isinstance(one, str)}  # a row may be damaged
    return {
        "runs": page.runs,
        "older": page.next,
        "newest": after is None,
        "tag": tag,
        "run_tags": sorted(own | ({tag} if tag else set())),
    }


def _source(manager: TaskManager, code: TaskDefinition) -> Excerpt | None:
    """Return the lines of a task's function, if they are in a directory of task files."""
    tops = (manager.services.project / one for one in manager.config.manager.tasks_directories)
    return next(filter(None, (excerpt(code.func, top) for top in tops)), None)


def _figures(manager: TaskManager, id: str) -> dict[str, list[Any]]:
    """Return the ended runs, oldest first: time, duration and lateness (in seconds)."""
    task = existing(manager, id)
    found = manager.history.runs(RunFilter(task_id=task.id), limit=DRAWN).runs[::-1]
    runs = [run for run in found if run.state in FINAL and run.started_at is not None]
    return {
        "at": [_seconds(run.started_at) for run in runs],
        "took": [_seconds(duration(run, 0)) for run in runs],
        "late": [_seconds(lateness(run)) for run in runs],
        "state": [run.state for run in runs],
    }


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # only another node knows this zone
        return ZoneInfo("UTC")


def _seconds(span: Instant | None) -> float | None:
    return None if span is None else span / SECOND
