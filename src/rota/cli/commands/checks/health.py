"""`rota health`: print the health of the running node, for monitors and scripts."""

from __future__ import annotations

import json as jsons
from functools import partial
from typing import Annotated

import typer

from rota.cli import output, project
from rota.core.secrets import redact_value
from rota.diagnosis import running_node

_CODES = {"healthy": 0, "degraded": 1}


def command(
    config: project.ConfigOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="On one line; the output is always JSON.")
    ] = False,
) -> None:
    """Print the node's health as JSON, with a reason for each degradation.

    Asks the running `rota up` at manager.host and manager.port. If it does not respond, reads the
    ledger. Exits with 0 if healthy, 1 if degraded, 2 if down.
    """
    settings = project.load(config)
    opened = partial(project.opened_ledger_if_any, settings)
    report = redact_value("", running_node.health(settings, opened))
    output.say(jsons.dumps(report, indent=None if json else 2))
    raise typer.Exit(_CODES.get(report["status"], 2))
