"""`rota disable`: keep the trigger of a task from starting it."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project


def command(
    task: project.TaskArgument,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Disable a task on every node until `rota enable`; it can still be started manually."""
    with project.opened_manager(project.load(config)) as manager:
        manager.disable_task(task, reason=reason)
    output.say(f"{output.neutralise(task)} is disabled.")
