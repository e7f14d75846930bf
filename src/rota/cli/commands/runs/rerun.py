"""`rota rerun`: do the occurrence of a run again."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.core.time import to_iso


def command(
    run: project.RunArgument,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="Its end starts the tasks after it again.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Do the occurrence of a run again, with its own fire time and the same arguments.

    Exits with 2 if the run is unknown, was started manually, or another run of the same
    occurrence has not ended.
    """
    with project.opened_manager(project.load(config)) as manager:
        found = manager.get_run(run)
        again = manager.get_run(manager.rerun(found.id, reason=reason, downstream=downstream))
    of = "" if again.fire_time is None else f" of {to_iso(again.fire_time)}"
    output.say(
        f"{output.neutralise(found.task_id)}{of} is done again by run {again.id},"
        f" replay {again.replay}."
    )
