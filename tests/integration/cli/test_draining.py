"""`rota nodes drain` and `rota nodes undrain`."""

from __future__ import annotations

from pathlib import Path

from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests.integration.cli.project import Project


def test_a_node_is_drained_by_its_name_and_taken_back(tmp_path: Path) -> None:
    project = Project(tmp_path, "")
    project.rota("nodes", "drain", code=2)
    with Harness(tmp_path, SystemClock(), node="worker-1"):
        said = project.rota("nodes", "drain", "worker-1", "--reason", "an update").stdout
        assert said == "Node worker-1 takes no new runs; what it runs may end.\n"
        (node,) = project.lines("nodes")
        assert node["state"] == "draining"
        refused = project.rota("nodes", "drain", "worker-2", code=2)
        assert "worker-1" in refused.stderr
        project.rota("nodes", "undrain", "worker-1")
        (node,) = project.lines("nodes")
        assert node["state"] == "up"
