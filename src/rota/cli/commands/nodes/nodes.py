"""`rota nodes`: list the nodes of the ledger."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from rota.cli import output, project
from rota.core import time_text
from rota.core.time import to_iso
from rota.runtime.system_clock import SystemClock


def command(
    all: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """List the nodes, newest first: their state, what they run, and when they were last heard."""
    settings = project.load(config)
    with project.opened_history(settings) as history:
        if history is None:
            project.say_no_ledger(settings)
            return
        found = [node for node in history.nodes() if all or node.state in ("up", "draining")]
        running = Counter(run.node for run in history.running())
    if json:
        output.json_lines(
            {
                "id": node.id,
                "name": node.name,
                "host": node.host,
                "pid": node.pid,
                "version": node.version,
                "state": node.state,
                "slots": node.slots,
                "running": running[node.id],
                "started_at": to_iso(node.started_at),
                "seen_at": to_iso(node.seen_at),
            }
            for node in found
        )
    elif found:
        now = SystemClock().now()
        rows = [
            (
                *(node.name, node.state, f"{running[node.id]} of {node.slots}", node.host),
                *(str(node.pid), node.version, time_text.away(node.seen_at, now), node.id),
            )
            for node in found
        ]
        output.table(("node", "state", "runs", "host", "pid", "version", "heard", "id"), rows)
    else:
        output.note("No node is up: `rota up` starts one.")
