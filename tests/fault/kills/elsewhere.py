"""A real `rota up` that the other nodes take for one on another machine: `python -m … up`."""

from __future__ import annotations

from rota.cli.main import run
from rota.engine import node

if __name__ == "__main__":
    node.host = lambda: "elsewhere"
    run()
