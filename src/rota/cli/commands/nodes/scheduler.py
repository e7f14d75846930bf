"""`rota scheduler`: plan occurrences for workers in other processes."""

from __future__ import annotations

from rota.cli import project, run_node
from rota.core.role import Role


def command(
    config: project.ConfigOption = None,
    host: run_node.HostOption = None,
    port: run_node.PortOption = None,
) -> None:
    """Plan the occurrences of this project's tasks; `rota worker` runs them.

    Any number of schedulers may run: each occurrence is planned once, by one of them. It serves
    /health and the pages only if a port is given. It stops like `rota up`.
    """
    run_node.run(
        project.load(config), Role.SCHEDULER, host=host, port=port, listens=port is not None
    )
