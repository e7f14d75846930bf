"""`rota skip`: skip the next occurrence of a task."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.core import time_text


def command(
    task: project.TaskArgument,
    reason: Annotated[str, typer.Option(help="Why; kept with the run and in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Skip the next occurrence of a task, on every node; called again, the one after it too.

    The occurrence is recorded as skipped at once, which cannot be undone. Start the task manually
    if you want a run after all.
    """
    with project.opened_manager(project.load(config)) as manager:
        skipped = manager.skip_next(task, reason=reason)
        left = manager.get_task(task)
    zone = left.timezone if left else "UTC"
    when = left.next_run if left else None
    following = f"next: {time_text.clock(when, zone)}" if when else "no next run"
    output.say(f"{output.neutralise(task)} skips {time_text.clock(skipped, zone)}, {following}.")
