"""`rota cancel`: cancel a run that waits or runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import output, project
from rota.core.run import State
from rota.errors import UnknownRunError


def command(
    run: project.RunArgument,
    reason: Annotated[str, typer.Option(help="Why; kept with the run.")] = "cancelled manually",
    config: project.ConfigOption = None,
) -> None:
    """Cancel a run: a waiting one at once, a running one by asking its node.

    Exits with 2 if the run is unknown or has already ended.
    """
    settings = project.load(config)
    if not project.has_ledger(settings):
        project.say_no_ledger(settings)
        raise UnknownRunError(f"no run has the id {run!r}.")
    with project.opened_manager(settings, discover=False) as manager:
        found = manager.get_run(run)
        state = manager.cancel_run(found.id, reason=reason)
    if state is State.RUNNING:
        output.say(f"{found.id} of {output.neutralise(found.task_id)} is being cancelled.")
    else:
        output.say(f"{found.id} of {output.neutralise(found.task_id)} is {state}.")
