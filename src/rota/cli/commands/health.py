"""`rota health`: print the health of the running node, for monitors and scripts."""

from __future__ import annotations

import json as jsons
from typing import Annotated

import typer

from rota.cli import output, project, running_node
from rota.core.secrets import shown

_CODES = {"healthy": 0, "degraded": 1}


def command(
    config: project.ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="In one line; it is JSON anyway.")] = False,
) -> None:
    """Say as JSON how the node is, with a reason for everything that is not as it should be.

    Asks the running `rota up` at manager.host and manager.port, else looks at the ledger. Exits
    with 0 when healthy, 1 when degraded, 2 when down.
    """
    report = shown("", running_node.health(project.load(config)))
    output.say(jsons.dumps(report, indent=None if json else 2))
    raise typer.Exit(_CODES.get(report["status"], 2))
