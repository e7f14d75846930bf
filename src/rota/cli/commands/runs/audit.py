"""`rota audit`: list who changed what."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.audit import AuditFilter, Change, Verb
from rota.core.ports.history import History
from rota.core.secrets import redact_value
from rota.core.time import to_iso
from rota.runtime.system_clock import SystemClock

_PAGE = 1_000


def command(
    task: Annotated[str | None, typer.Option(help="Only changes of this task.")] = None,
    verb: Annotated[list[Verb] | None, typer.Option(help="Only this verb; repeatable.")] = None,
    who: Annotated[str | None, typer.Option(help="Only changes by this user or token.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 2h (ago), or a time (no zone: UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Only the newest.")] = 50,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """List changes, newest first: who made each, from where, when and why."""
    settings = project.load(config)
    now = SystemClock().now()
    where = AuditFilter(
        task_id=task,
        verbs=verb or None,
        who=who,
        since=None if since is None else formatting.before("--since", since, now),
    )
    with project.opened_history(settings) as history:
        if history is None:
            project.say_no_ledger(settings)
            return
        found = list(changes(history, where, limit))
    if json:
        output.json_lines(map(as_json, found), raw=True)
    elif found:
        columns = ("time", "who", "from", "verb", "task", "run", "what", "why")
        output.table(columns, map(_row, found))
    else:
        output.note("No such changes.")


def changes(history: History, where: AuditFilter, limit: int | None = None) -> Iterator[Change]:
    """Yield changes, newest first, up to `limit` of them."""
    after: str | None = None
    left = limit
    while left is None or left > 0:
        page = history.audit(where, limit=_PAGE if left is None else min(left, _PAGE), after=after)
        yield from page.changes
        after = page.next
        left = None if left is None else left - len(page.changes)
        if after is None:
            return


def as_json(change: Change) -> dict[str, Any]:
    """Return a change as REST shows it."""
    values = {
        "id": change.id,
        "at": to_iso(change.at),
        "face": change.face.value,
        "who": change.who,
        "verb": change.verb.value,
        "task_id": change.task_id,
        "run_id": change.run_id,
        "reason": change.reason,
        "before": change.before,
        "after": change.after,
    }
    redacted: dict[str, Any] = redact_value("", values)
    return redacted


def _row(change: Change) -> tuple[str, ...]:
    values = as_json(change)
    return (
        time_text.moment(change.at),
        values["who"] or "-",
        change.face.value,
        change.verb.value,
        change.task_id or "-",
        change.run_id or "-",
        jsons.dumps(values["after"] or values["before"] or {}, ensure_ascii=False)[:80],
        values["reason"],
    )
