"""`rota resume`: plan the occurrences of paused tasks again."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.core import time_text
from rota.core.pauses import held_by
from rota.core.task import Task


def command(
    task: project.OptionalTaskArgument = None,
    tag: project.TagOption = None,
    all: project.AllOption = False,
    catch_up: Annotated[
        bool,
        typer.Option("--catch-up", help="Treat what fell into the pause as missed in a downtime."),
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Resume a paused task, the tasks with a tag, or all, from now on.

    A task that another pause still holds stays paused.
    """
    what = project.named(task, tag, all)
    with project.opened_manager(project.load(config)) as manager:
        manager.resume_task(task, tag=tag, all=all, catch_up=catch_up, reason=reason)
        resumed = manager.get_task(task) if task else None
    if not task:
        output.say(f"{output.neutralise(what)} are resumed.")
    elif resumed is not None and resumed.paused:
        output.say(f"{output.neutralise(what)} is still paused{_held(resumed)}.")
    else:
        when = resumed.next_run if resumed else None
        following = (
            f"next: {time_text.clock(when, resumed.timezone)}"
            if resumed and when
            else "no next run"
        )
        output.say(f"{output.neutralise(what)} is resumed, {following}.")


def _held(task: Task) -> str:
    others = [held_by(one.held) for one in task.pauses]
    return f" by the pause of {' and of '.join(filter(None, others))}" if any(others) else ""
