"""`rota verify`: compare the ledger with the rules of the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core.time import Instant, to_iso
from rota.core.verification.findings import Finding
from rota.manager import TaskManager


def command(
    since: Annotated[
        str | None,
        typer.Option(help="From this time on: 30d (ago), or a time (no zone: UTC); default: all."),
    ] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Compare every row of the ledger with the triggers, pauses and edits of the tasks.

    Finds occurrences without a row or with two, starts before their time, impossible states, and
    more. Changes nothing. Exits with 0 if the record is sound, otherwise 1.
    """
    settings = project.load(config)
    if not project.has_ledger(settings):
        project.say_no_ledger(settings)
        return
    with project.opened_manager(settings) as manager:
        number = _report(_found(manager, since), json=json)
    if number:
        raise typer.Exit(1)


def _found(manager: TaskManager, since: str | None) -> Iterator[Finding]:
    now = manager.services.clock.now()
    days = formatting.span(f"{manager.config.manager.retention_days:.0f}d") or 0
    begin: Instant = now - days if since is None else formatting.before("--since", since, now)
    return manager.verifying(begin)


def _report(findings: Iterator[Finding], *, json: bool) -> int:
    number = 0
    for one in findings:
        number += 1
        if json:
            output.json_line(as_json(one))
            continue
        what = " ".join(part for part in (one.task_id, one.run_id) if part)
        output.marked("bad", output.neutralise(f"{one.code}  {what}: {one.text}"))
        output.say(f"        {output.neutralise(one.remedy)}")
    if not json:
        output.say(f"{number} findings." if number else "The record is sound.")
    return number


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding with its times as text."""
    values = asdict(finding) | {"code": finding.code.value, "remedy": finding.remedy}
    for name in ("at", "last"):
        values[name] = None if values[name] is None else to_iso(values[name])
    return values
