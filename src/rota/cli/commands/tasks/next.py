"""`rota next`: list the coming occurrences in the order of their times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice, takewhile
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.time import DAY, Instant, to_datetime
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.planning.upcoming import upcoming_of_all

Times = Iterator[tuple[Instant, RegisteredTask]]

_SHOWN = 20


def command(
    days: Annotated[
        float | None, typer.Option(min=0, max=36600, help="Everything within this many days.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task; repeatable.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="The most to list; default: 20, with --days: no limit."),
    ] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """List the coming occurrences of all tasks, except disabled and paused ones."""
    with project.opened_manager(project.load(config)) as manager:
        entries = _chosen(project.entries(manager), task)
        now = manager.services.clock.now()
    times: Times = upcoming_of_all(entries, now)
    if days is not None:
        end = now + round(days * DAY)
        times = takewhile(lambda one: one[0] <= end, times)
    times = islice(times, limit if limit is not None or days is not None else _SHOWN)
    if json:
        for instant, entry in times:
            output.json_line(_json(to_datetime(instant), entry))
    else:
        output.table(("time", "", "task"), (_row(instant, entry, now) for instant, entry in times))


def _chosen(entries: list[RegisteredTask], ids: list[str] | None) -> list[RegisteredTask]:
    known = {entry.definition.id: entry for entry in entries}
    for id in ids or ():
        if id not in known:
            raise project.unknown_task(id, list(known))
    return [known[id] for id in dict.fromkeys(ids)] if ids else entries


def _json(when: datetime, entry: RegisteredTask) -> dict[str, Any]:
    local = when.astimezone(ZoneInfo(entry.definition.timezone))
    return {
        "fire_time": formatting.iso(when),
        "local": local.isoformat(),
        "task_id": entry.definition.id,
        "name": entry.name,
    }


def _row(instant: Instant, entry: RegisteredTask, now: Instant) -> tuple[str, str, str]:
    zone = entry.definition.timezone
    return time_text.moment(instant, zone), time_text.away(instant, now), entry.definition.id
