"""`rota up`: schedule and run the tasks of this project until a signal stops it."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import project, run_node
from rota.core.role import Role


def command(
    config: project.ConfigOption = None,
    host: run_node.HostOption = None,
    port: run_node.PortOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines, no live view.")] = False,
) -> None:
    """Run the project in this directory: plan, run and record its tasks, serve its pages.

    SIGTERM and Ctrl-C stop it: running tasks get manager.shutdown_grace seconds, then they are
    cancelled and handed back. A second signal stops it immediately. Exits with 0 if all tasks ended
    by themselves, otherwise 1.
    """
    run_node.run(project.load(config), Role.ALL, host=host, port=port, live=not plain)
