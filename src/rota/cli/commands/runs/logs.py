"""`rota logs`: show what a run logged and printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from rota.cli import follow_log, output, project
from rota.core.run import LogLine
from rota.core.secrets import redact_text
from rota.core.time import to_iso
from rota.errors import UnknownRunError


def command(
    run: project.RunArgument,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Follow it to its end.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only this attempt.")] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Show what a run logged and printed, in all its attempts; times are UTC.

    Control characters are escaped, so that no log can control the terminal.
    """
    settings = project.load(config)
    if not project.has_ledger(settings):
        project.say_no_ledger(settings)
        raise UnknownRunError(f"no run has the id {run!r}.")
    show = _shower(json, attempt)
    with project.opened_ledger(settings) as ledger:
        found = ledger.history.run(run)
        if follow:
            follow_log.follow(ledger, found.id, show)
        else:
            for line in follow_log.lines(ledger.history, found.id):
                show(line)


def _shower(json: bool, attempt: int | None) -> Callable[[LogLine], None]:
    def show(line: LogLine) -> None:
        if attempt is not None and line.attempt != attempt:
            return
        if json:
            output.json_line(_json(line), raw=True)
        else:
            output.say(follow_log.text(line))

    return show


def _json(line: LogLine) -> dict[str, object]:
    return {
        "run_id": line.run_id,
        "attempt": line.attempt,
        "seq": line.seq,
        "at": to_iso(line.at),
        "level": line.level,
        "logger": redact_text(line.logger),
        "text": redact_text(line.text),
    }
