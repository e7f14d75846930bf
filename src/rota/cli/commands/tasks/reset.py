"""`rota reset`: reset the edits of a task."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.definitions.edits import in_place_of


def command(
    task: project.TaskArgument,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="The edited options; without any, all of them."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Reset edits of a task: the options in the code apply again, on every node."""
    with project.opened_manager(project.load(config)) as manager:
        before = manager.get_task(task)
        after = manager.reset_task(task, *(keys or ()), reason=reason)
    left = {edit.key for edit in after.edits}
    gone = [edit for edit in (before.edits if before else ()) if edit.key not in left]
    for edit in gone:
        output.say(
            output.neutralise(
                f"{task}: {edit.key} is reset to the code; it was {in_place_of(edit)}."
            )
        )
    if not gone:
        output.say(f"{output.neutralise(task)}: nothing was edited.")
