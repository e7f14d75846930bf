"""`rota runs`: list the runs and their reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.secrets import redact_text
from rota.core.time import Instant, to_iso
from rota.runtime.system_clock import SystemClock

_SHOWN = 50
_PAGE = 2_000
"""The most rows in memory at once: streaming a million rows must not hold them all."""


def command(
    task: Annotated[str | None, typer.Option(help="Only runs of this task.")] = None,
    state: Annotated[list[State] | None, typer.Option(help="Only this state; repeatable.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="From then on: 2h (ago), or a time (no zone: the task's, else manager.timezone)."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this time, like --since.")] = None,
    tag: Annotated[
        str | None, typer.Option(help="Only runs that were enqueued with this tag.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Only the newest; default: 50, with --json: all.")
    ] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """List runs, oldest first, each with its state, and the reason if it did not succeed.

    --since and --until compare with the time of the occurrence, or of the manual start.
    """
    settings = project.load(config)
    with project.opened_history(settings) as history:
        zone = _zone(history, task) or settings.manager.timezone
        where = replace(_filter(task, state, since, until, zone), tag=tag)
        if history is None:
            project.say_no_ledger(settings)
        elif json:
            _stream(history, where, limit)
        else:
            _show(history, where, _SHOWN if limit is None else limit)


def _filter(
    task: str | None,
    states: list[State] | None,
    since: str | None,
    until: str | None,
    zone: str,
) -> RunFilter:
    now = SystemClock().now()
    return RunFilter(
        task_id=task,
        states=frozenset(states) if states else None,
        since=None if since is None else formatting.before("--since", since, now, zone),
        until=None if until is None else formatting.before("--until", until, now, zone),
    )


def _zone(history: History | None, task: str | None) -> str | None:
    """Return the zone of a task, if the ledger knows it."""
    if history is None or task is None:
        return None
    return next((one.record.timezone for one in history.tasks([task])), None)


def _stream(history: History, where: RunFilter, limit: int | None) -> None:
    names = _node_names(history)
    if limit is not None:
        found = _newest(history, where, limit)
        output.json_lines((as_json(run, names) for run in found), raw=True)
        return
    for page in _pages(history, where, newest_first=False):
        output.json_lines((as_json(run, names) for run in page), raw=True)


def _show(history: History, where: RunFilter, limit: int) -> None:
    runs, names = _newest(history, where, limit), _node_names(history)
    if not runs:
        output.note("No such runs.")
        return
    columns = ("id", "task", "time", "cause", "state", "attempt", "took", "node", "reason")
    output.table(columns, [_row(run, names) for run in runs])


def _newest(history: History, where: RunFilter, limit: int) -> list[Run]:
    """Return the newest runs, oldest first."""
    pages = _pages(history, where, newest_first=True)
    return list(islice((run for page in pages for run in page), limit))[::-1]


def _pages(history: History, where: RunFilter, *, newest_first: bool) -> Iterator[list[Run]]:
    cursor: str | None = None
    while True:
        page = history.runs(where, limit=_PAGE, after=cursor, newest_first=newest_first)
        yield page.runs
        cursor = page.next
        if cursor is None:
            return


def _node_names(history: History) -> dict[str, str]:
    return {node.id: node.name for node in history.nodes()}


def as_json(run: Run, names: dict[str, str]) -> dict[str, Any]:
    """Return the keys of the contract, in its order."""
    return {
        "id": run.id,
        "task_id": run.task_id,
        "fire_time": _iso(run.fire_time),
        "cause": run.cause,
        "state": run.state,
        "attempt": run.attempt,
        "node": _node(run, names),
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "reason": redact_text(run.reason),
        **({} if run.replay is None else {"replay": run.replay}),
    }


def _row(run: Run, names: dict[str, str]) -> tuple[str, ...]:
    return (
        run.id,
        run.task_id,
        time_text.moment(run.created_at if run.fire_time is None else run.fire_time),
        run.cause if run.replay is None else f"replay {run.replay}",
        run.state,
        str(run.attempt),
        _took(run),
        _node(run, names) or "-",
        run.reason,
    )


def _node(run: Run, names: dict[str, str]) -> str | None:
    return None if run.node is None else names.get(run.node, run.node)


def _took(run: Run) -> str:
    if run.started_at is None or run.finished_at is None:
        return "-"
    return time_text.duration((run.finished_at - run.started_at) / 1_000_000)


def _iso(instant: Instant | None) -> str | None:
    return None if instant is None else to_iso(instant)
