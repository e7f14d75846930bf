"""`rota web`: serve the pages and the API, and run nothing."""

from __future__ import annotations

from rota.cli import project, run_node
from rota.core.role import Role


def command(
    config: project.ConfigOption = None,
    host: run_node.HostOption = None,
    port: run_node.PortOption = None,
) -> None:
    """Serve the pages and the API of this project; other processes plan and run.

    Stops like `rota up`.
    """
    run_node.run(project.load(config), Role.WEB, host=host, port=port)
