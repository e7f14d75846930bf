"""`rota scheduler`: plan what is due, for workers elsewhere."""

from __future__ import annotations

from rota.cli import node, project
from rota.core.node import Role


def command(
    config: project.ConfigOption = None,
    host: node.HostOption = None,
    port: node.PortOption = None,
) -> None:
    """Plan the occurrences of this project's tasks; `rota worker` runs them.

    Any number of schedulers may be up: each occurrence is planned once, and by any of them. It
    listens, for /health and the pages, only where a port is named. Stops like `rota up`.
    """
    node.run(project.load(config), Role.SCHEDULER, host=host, port=port, listens=port is not None)
