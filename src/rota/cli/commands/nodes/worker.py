"""`rota worker`: execute planned runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import project, run_node
from rota.core.role import Role


def command(
    config: project.ConfigOption = None,
    queues: Annotated[
        str | None,
        typer.Option(help="Its queues, separated by commas: default,gpu; default: cluster.queues."),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(
            min=1, help="The most runs of each kind at once; default: manager.async_slots, …"
        ),
    ] = None,
    host: run_node.HostOption = None,
    port: run_node.PortOption = None,
) -> None:
    """Execute the runs that `rota scheduler` has planned, and manual starts.

    Any number of workers may run. It serves /health and the pages only if a port is given. It stops
    like `rota up`: this drains it for a deployment.
    """
    settings = project.load(config)
    if queues is not None:
        settings.cluster.queues = [name.strip() for name in queues.split(",") if name.strip()]
    if slots is not None:
        settings.manager.async_slots = slots
        settings.manager.scheduler_thread_pool = slots
        settings.manager.process_pool = slots
    run_node.run(settings, Role.WORKER, host=host, port=port, listens=port is not None)
