"""`rota export`: write the record as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.cli.commands.runs.audit import as_json, changes
from rota.core.audit import AuditFilter
from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.run import Attempt, Run
from rota.core.secrets import redact_value
from rota.core.time import Instant, to_iso
from rota.runtime.system_clock import SystemClock

_PAGE = 1_000
_TIMES = (
    *("fire_time", "available_at", "created_at", "started_at", "finished_at"),
    *("attempt_started_at", "nominal_time", "replay_time"),
)


class Exported(StrEnum):
    """What is exported."""

    RUNS = "runs"
    AUDIT = "audit"


def command(
    what: Annotated[Exported, typer.Argument(help="The runs with their attempts, or the audit.")],
    task: Annotated[str | None, typer.Option(help="Only of this task.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 2h (ago), or a time (no zone: UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this time, like --since.")] = None,
    config: project.ConfigOption = None,
) -> None:
    """Write the record to standard output, one JSON object per line, times in UTC.

    Runs come oldest first, changes newest first. Secrets are masked.
    """
    settings = project.load(config)
    now = SystemClock().now()
    first = None if since is None else formatting.before("--since", since, now)
    last = None if until is None else formatting.before("--until", until, now)
    with project.opened_history(settings) as history:
        if history is None:
            project.say_no_ledger(settings)
        elif what is Exported.AUDIT:
            where = AuditFilter(task_id=task, since=first, until=last)
            output.json_lines(map(as_json, changes(history, where)), raw=True)
        else:
            output.json_lines(_runs(history, task, first, last), raw=True)


def _runs(
    history: History, task: str | None, first: Instant | None, last: Instant | None
) -> Iterator[dict[str, Any]]:
    where, after = RunFilter(task_id=task, since=first, until=last), None
    while True:
        page = history.runs(where, limit=_PAGE, after=after, newest_first=False)
        for run in page.runs:
            yield _as_json(run, history.attempts(run.id))
        after = page.next
        if after is None:
            return


def _as_json(run: Run, attempts: list[Attempt]) -> dict[str, Any]:
    values = asdict(run)
    values["attempts"] = [_timed(one._asdict()) for one in attempts]
    redacted: dict[str, Any] = redact_value("", _timed(values))
    return redacted


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: to_iso(value) if name in _TIMES and value is not None else value
        for name, value in values.items()
    }
