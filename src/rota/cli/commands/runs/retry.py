"""`rota retry`: retry a run that ended without success."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project


def command(
    run: project.RunArgument,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    downstream: Annotated[
        bool, typer.Option("--downstream", help="Its end starts the tasks after it again.")
    ] = False,
    config: project.ConfigOption = None,
) -> None:
    """Retry a run: a new manual run with the same arguments, on a node that is up.

    Exits with 2 if the run is unknown, has not ended, or succeeded.
    """
    with project.opened_manager(project.load(config)) as manager:
        found = manager.get_run(run)
        again = manager.retry_run(found.id, reason=reason, downstream=downstream)
    output.say(f"{found.id} of {output.neutralise(found.task_id)} is retried by run {again}.")
