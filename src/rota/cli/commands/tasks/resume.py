"""`rota resume`: plan the occurrences of a paused task again."""

from __future__ import annotations

from rota.cli import output, project
from rota.core import time_text


def command(task: project.TaskArgument, config: project.ConfigOption = None) -> None:
    """Resume a paused task from now on; occurrences during the pause are not caught up."""
    with project.opened_manager(project.load(config)) as manager:
        manager.resume_task(task)
        resumed = manager.get_task(task)
    when = resumed.next_run if resumed else None
    following = (
        f"next: {time_text.clock(when, resumed.timezone)}" if resumed and when else "no next run"
    )
    output.say(f"{output.neutralise(task)} is resumed, {following}.")
