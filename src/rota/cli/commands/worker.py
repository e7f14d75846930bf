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
        typer.Option(help="Those whose runs it makes, with commas: default,gpu; cluster.queues."),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(min=1, help="How many runs of each kind at once; manager.async_slots, …"),
    ] = None,
    host: run_node.HostOption = None,
    port: run_node.PortOption = None,
) -> None:
    """Run what `rota scheduler` has planned, and what is started by hand.

    Any number of workers may be up. It listens, for /health and the pages, only where a port is
    named. Stops like `rota up`: so it is drained for a deployment.
    """
    settings = project.load(config)
    if queues is not None:
        settings.cluster.queues = [name.strip() for name in queues.split(",") if name.strip()]
    if slots is not None:
        settings.manager.async_slots = slots
        settings.manager.scheduler_thread_pool = slots
        settings.manager.process_pool = slots
    run_node.run(settings, Role.WORKER, host=host, port=port, listens=port is not None)
