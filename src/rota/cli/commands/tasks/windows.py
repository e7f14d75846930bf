"""`rota windows`: open a maintenance window, close it, list them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.ports.windows import WindowAction
from rota.core.time import Instant, to_datetime
from rota.manager.window_views import SpanView, WindowView, planned_views


class WindowVerb(StrEnum):
    """The actions of `rota windows`."""

    LS = "ls"
    OPEN = "open"
    CLOSE = "close"


def command(
    verb: Annotated[WindowVerb, typer.Argument(help="What to do.")] = WindowVerb.LS,
    window: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="The window to close.", show_default=False)
    ] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="How long it lasts, like 30m, 2h, 3d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Its end: '2026-12-24 08:00' in manager.timezone, or 2h.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="About tasks with this tag.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="About the task with this id.")] = None,
    all: project.AllOption = False,
    action: Annotated[
        WindowAction, typer.Option(help="What happens to occurrences in it.")
    ] = WindowAction.SKIP,
    reason: Annotated[str, typer.Option(help="Why; shown with the runs, kept in the audit.")] = "",
    closed: Annotated[
        bool, typer.Option("--closed", help="List those that are over, too.")
    ] = False,
    json: project.JsonOption = False,
    config: project.ConfigOption = None,
) -> None:
    """List the maintenance windows, open one now, or close one before its end.

    `open` applies on every node at once. What falls into the window is skipped, or with
    `--action delay` started at its end, once for each task; what runs continues. Opened again with
    the same tasks, it gets another end. `close ID` ends it now: from then on all is as before.
    """
    if (window is None) == (verb is WindowVerb.CLOSE):
        raise formatting.UsageError(
            "`close` takes the id of a window, and nothing else does.",
            where="ID",
            remedy="`rota windows ls` shows the ids.",
        )
    with project.opened_manager(project.load(config)) as manager:
        zone, now = manager.config.manager.timezone, manager.services.clock.now()
        if verb is WindowVerb.OPEN:
            end = _given_end(length, until, now, zone)
            rows = [
                manager.open_window(
                    all=all,
                    tags=tag or (),
                    tasks=task or (),
                    until=end,
                    action=action,
                    reason=reason,
                )
            ]
        elif verb is WindowVerb.CLOSE:
            rows = [manager.close_window(window or 0, reason=reason)]
        elif project.has_ledger(manager.config):
            rows = manager.list_windows(closed=closed)
        else:
            rows = planned_views(manager.services.engine.settings.windows, now, closed=closed)
    if json:
        output.json_lines(map(_values, rows))
    else:
        _say(verb, rows, zone)


def _given_end(length: str | None, until: str | None, now: Instant, zone: str) -> datetime | None:
    if length is not None and until is not None:
        raise formatting.UsageError(
            "there are two ends.", where="--until", remedy="Give --for or --until."
        )
    if length is not None:
        return to_datetime(formatting.ahead("--for", length, now, zone))
    return None if until is None else to_datetime(formatting.ahead("--until", until, now, zone))


def _say(verb: WindowVerb, rows: Sequence[WindowView], zone: str) -> None:
    if verb is WindowVerb.OPEN:
        limit = _end(rows[0].spans[0], zone) or f"until `rota windows close {rows[0].id}`"
        text = f"The window {rows[0].id} is open for {rows[0].about} {limit} ({rows[0].action})."
        output.say(output.neutralise(text))
    elif verb is WindowVerb.CLOSE:
        output.say(f"The window {rows[0].id} is closed.")
    elif rows:
        columns = ("id", "name", "state", "action", "about", "span", "reason")
        output.table(columns, [_row(one, zone) for one in rows])
    else:
        output.note("There is no window: `rota windows open --for 2h --all` opens one.")


def _row(window: WindowView, zone: str) -> list[str]:
    first = window.spans[0] if window.spans else None
    state = "open" if window.is_open else "planned" if window.id is None and first else "over"
    begin = "" if first is None or first.since is None else time_text.clock(first.since, zone)
    end = "" if first is None else _end(first, zone)
    why = window.reason + (f" (by {window.by})" if window.by else "")
    name = "" if window.id else window.name
    span = f"{begin} {end}".strip()
    return [str(window.id or ""), name, state, window.action, window.about, span, why.strip()]


def _end(span: SpanView, zone: str) -> str:
    return f"until {time_text.clock(span.until, zone)}" if span.until else ""


def _values(window: WindowView) -> dict[str, Any]:
    return {
        "id": window.id,
        "name": window.name,
        "is_open": window.is_open,
        "action": window.action,
        "all": window.all,
        "tags": list(window.tags),
        "tasks": list(window.tasks),
        "spans": [
            {"since": formatting.iso(one.since), "until": formatting.iso(one.until)}
            for one in window.spans
        ],
        "reason": window.reason,
        "by": window.by,
    }
