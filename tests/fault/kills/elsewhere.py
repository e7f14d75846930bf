"""A real `rota up` that the other nodes take for one on another machine: `python -m … up`."""

from __future__ import annotations

from rota.cli.main import run
from rota.engine.membership import identity
from rota.runtime import node_process

if __name__ == "__main__":
    identity.host = node_process.host = lambda: "elsewhere"  # type: ignore[attr-defined]
    run()
