"""`rota pause`: stop planning the occurrences of tasks for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.time import to_datetime


def command(
    task: project.OptionalTaskArgument = None,
    tag: project.TagOption = None,
    all: project.AllOption = False,
    until: Annotated[
        str | None, typer.Option(help="The end ('2026-12-24 08:00' in the task's zone, or 2h).")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; shown with the task.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Pause a task, the tasks with a tag, or all, on every node, across restarts.

    Occurrences during the pause are not planned; `rota resume --catch-up` makes up for them.
    Waiting and running runs continue. A task is paused while any pause holds it.
    """
    what = project.named(task, tag, all)
    with project.opened_manager(project.load(config)) as manager:
        now = manager.services.clock.now()
        known = manager.get_task(task) if task else None
        zone = known.timezone if known else manager.config.manager.timezone
        end = None if until is None else formatting.ahead("--until", until, now, zone)
        if end is not None and end <= now:
            raise formatting.UsageError(
                f"{time_text.moment(end, zone)} is in the past.",
                where="--until",
                remedy="Name a time in the future.",
            )
        last = None if end is None else to_datetime(end)
        manager.pause_task(task, tag=tag, all=all, until=last, reason=reason)
    limit = f"until {time_text.moment(end, zone)}" if end else "until `rota resume`"
    output.say(f"{output.neutralise(what)} {'is' if task else 'are'} paused {limit}.")
