"""`rota enable`: let the trigger of a task start it again."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.core import time_text


def command(
    task: project.TaskArgument,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Enable a task on every node: its trigger starts it from the next instant on."""
    with project.opened_manager(project.load(config)) as manager:
        enabled = manager.enable_task(task, reason=reason)
    when = enabled.next_run
    following = f"next: {time_text.clock(when, enabled.timezone)}" if when else "no next run"
    output.say(f"{output.neutralise(task)} is enabled, {following}.")
