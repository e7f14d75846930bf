"""`rota web`: show the pages and the API, and run nothing."""

from __future__ import annotations

from rota.cli import node, project
from rota.core.node import Role


def command(
    config: project.ConfigOption = None,
    host: node.HostOption = None,
    port: node.PortOption = None,
) -> None:
    """Serve the pages and the API of this project; others plan and run. Stops like `rota up`."""
    node.run(project.load(config), Role.WEB, host=host, port=port)
