"""`rota nodes`: list the nodes of the ledger, or drain one."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated

import typer

from rota.cli import formatting, output, project
from rota.config import Xcorecfg
from rota.core import time_text
from rota.core.time import to_iso
from rota.runtime.system_clock import SystemClock


class NodeAction(StrEnum):
    """What is done with a node."""

    DRAIN = "drain"
    UNDRAIN = "undrain"


def command(
    action: Annotated[
        NodeAction | None, typer.Argument(help="Take no new runs, or take them again.")
    ] = None,
    node: Annotated[str | None, typer.Argument(help="The node's id or name.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    config: project.ConfigOption = None,
    reason: Annotated[str, typer.Option(help="Of the action; kept in the audit.")] = "",
    json: project.JsonOption = False,
) -> None:
    """List the nodes, newest first: their state, what they run, and when they were last heard.

    `rota nodes drain NODE` has a node take no new runs: what it runs may end. It lasts until
    `rota nodes undrain NODE`, or until the node starts again.
    """
    settings = project.load(config)
    if action is not None:
        _act(settings, action, node, reason)
        return
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


def _act(settings: Xcorecfg, action: NodeAction, node: str | None, reason: str) -> None:
    if not node:
        raise formatting.UsageError(
            "No node is named.", where="NODE", remedy=f"Write `rota nodes {action} NODE`."
        )
    with project.opened_manager(settings, discover=False) as manager:
        if action is NodeAction.DRAIN:
            found = manager.drain_node(node, reason=reason)
            said = "takes no new runs; what it runs may end"
        else:
            found = manager.undrain_node(node, reason=reason)
            said = "takes new runs"
    output.say(f"Node {output.neutralise(found.name)} {said}.")
