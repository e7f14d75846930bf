"""The screen of one run: its attempts, log and result, compared with the last successful run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from rota.core.audit import AuditFilter
from rota.core.ports.records import RunFilter
from rota.core.reasons.remedies import EXPLANATIONS
from rota.core.run import ACTIVE, Attempt, LogLine, Run, State
from rota.core.secrets import redact_value
from rota.core.time import Instant
from rota.manager import TaskManager
from rota.manager.runs import RETRYABLE
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.figures import duration, lateness, node_names, place, task_name
from rota.web.pages.parts.json_diff import Difference, differences
from rota.web.pages.parts.parameters import asks

LINES = 1_000
"""The most lines of a log on the page; the download has all."""
_MOST_READ = 10_000

CHANGES = 20
MOST_CHANGED = 30
"""The most listed differences between a run and the last successful one."""

_PLACE = re.compile(
    r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<name>.+)\n    (?P<code>.+)', re.M
)
_GRAVE = frozenset({"WARNING", "ERROR", "CRITICAL", "STDERR"})


@dataclass(frozen=True, slots=True)
class AttemptBar:
    """An attempt as a bar; `left` and `width` are in per cent of the whole run."""

    number: int
    state: str
    node: str | None
    began: Instant
    took: Instant
    left: float
    width: float
    ended: Attempt | None  # None: it still runs
    place: dict[str, str] | None  # the line that raised its exception


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """The values of a run that are compared."""

    run: Run
    took: Instant | None
    lines: int
    grave: int  # lines with a level of WARNING or above


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""

    @router.get("/runs/{id}")
    def show_run(request: Request, id: str) -> Response:
        run = layout.manager.get_run(id)
        # A refresh does not include the log: the page itself reads further lines.
        is_refresh = "hx-request" in request.headers
        values = _values(layout.manager, run, layout.now(), with_log=not is_refresh)
        return layout.show(request, "run.html", about=run.id, **values)


def _values(manager: TaskManager, run: Run, now: Instant, *, with_log: bool) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    active = run.state in ACTIVE
    lines = _log(manager, run) if with_log or not active else []
    sides = None if active else _compared(manager, run, lines)
    return {
        "now": now,
        "run": run,
        "remedy": EXPLANATIONS[run.reason_code].remedy if run.reason_code else "",
        "name": task_name(manager, run.task_id),
        "active": active,
        "asks": asks(manager, run.task_id),
        "retryable": run.state in RETRYABLE,
        "duration": duration(run, now),
        "late": lateness(run),
        "lanes": _lanes(manager, run, now),
        "changes": manager.history.audit(AuditFilter(run_id=run.id), limit=CHANGES).changes,
        "steps": manager.history.steps(run.id),
        "same": _same(manager, run),
        "sides": sides,
        "changed": _changed(*(side.run for side in sides)) if sides else [],
        "most_changed": MOST_CHANGED,
        "lines": lines[-LINES:],
        "omitted": max(0, len(lines) - LINES),
        "after": f"{lines[-1].attempt}.{lines[-1].seq}" if lines else "0.0",
        "nodes": node_names(manager),
    }


def _same(manager: TaskManager, run: Run) -> list[Run]:
    """Return the runs of the same occurrence, this one among them."""
    if run.fire_time is None:
        return []
    return manager.history.runs_of_occurrences(run.task_id, [run.fire_time])


def _log(manager: TaskManager, run: Run) -> list[LogLine]:
    return manager.history.logs(run.id, limit=_MOST_READ)


def _lanes(manager: TaskManager, run: Run, now: Instant) -> list[AttemptBar]:
    """Return the bars of the attempts, over the time from the first start to the end."""
    spans: list[tuple[Instant, Instant, Attempt | None]] = [
        (one.started_at, one.finished_at, one) for one in manager.history.attempts(run.id)
    ]
    if run.state is State.RUNNING:
        spans.append((run.attempt_started_at or now, now, None))
    if not spans:
        return []
    first, last = spans[0][0], max(end for _, end, _ in spans)
    whole = max(last - first, 1)
    return [
        AttemptBar(
            number=ended.number if ended else run.attempt,
            state=ended.outcome.value if ended else run.state.value,
            node=ended.node if ended else run.node,
            began=start,
            took=end - start,
            left=round(100 * (start - first) / whole, 2),
            width=max(round(100 * (end - start) / whole, 2), 0.5),
            ended=ended,
            place=_place(manager, ended),
        )
        for start, end, ended in spans
    ]


def _place(manager: TaskManager, attempt: Attempt | None) -> dict[str, str] | None:
    """Return the file, line, function and code of the innermost frame of a traceback."""
    found = list(_PLACE.finditer(attempt.traceback or "")) if attempt else []
    if not found:
        return None
    parts = found[-1].groupdict()
    return {**parts, "file": place(manager, parts["file"])}


def _compared(
    manager: TaskManager, run: Run, lines: Sequence[LogLine]
) -> tuple[ComparedRun, ComparedRun] | None:
    """Return the run and the last successful run of its task before it, if there is one."""
    where = RunFilter(task_id=run.task_id, states={State.SUCCEEDED})
    before = manager.history.runs(where, after=run.id, limit=1).runs
    if not before or run.started_at is None:
        return None
    return _side(run, lines), _side(before[0], _log(manager, before[0]))


def _changed(this: Run, good: Run) -> list[Difference]:
    """Return the first differences of arguments and results, redacted.

    There is one more than MOST_CHANGED if not all fit.
    """
    found = differences(
        redact_value("", this.arguments or {}), redact_value("", good.arguments or {}), "arguments"
    )
    if this.result is not None and good.result is not None:
        found = chain(
            found,
            differences(redact_value("", this.result), redact_value("", good.result), "result"),
        )
    return list(islice(found, MOST_CHANGED + 1))


def _side(run: Run, lines: Sequence[LogLine]) -> ComparedRun:
    return ComparedRun(
        run, duration(run, 0), len(lines), sum(line.level in _GRAVE for line in lines)
    )
