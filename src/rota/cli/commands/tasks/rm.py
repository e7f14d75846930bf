"""`rota rm`: remove a task that no code defines any more."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.errors import StateError


def command(
    task: project.TaskArgument,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Remove a task: what waits of it is cancelled, its history stays.

    A task that the task files define is refused: it would come back with the next start.
    """
    with project.opened_manager(project.load(config)) as manager:
        entry = manager.services.engine.registry.get(task)
        if entry is not None:
            raise StateError(
                f"{task!r} is defined in the code.",
                where=str(entry.definition.source or entry.definition.func_path),
                remedy=f"Delete it there, or run `rota disable {task}`.",
            )
        manager.remove_task(task, reason=reason)
    output.say(f"{output.neutralise(task)} is removed; its history stays.")
