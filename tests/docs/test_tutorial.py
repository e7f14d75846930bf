"""The tutorial, as written: its files and its commands in their order, with what they print."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from rota.testing import eventually
from tests.docs.pages import snippets
from tests.docs.test_projects import ask, build, does, server
from tests.integration.cli.project import free_port

FIRST, SECOND = "../tutorial/first-task.md", "../tutorial/deploy.md"


def commands(page: str) -> list[str]:
    """Return the lines of the blocks of a page's commands."""
    blocks = snippets(Path("docs/howto") / page, "sh")
    lines = [line for block in blocks if not block.not_run for line in block.text.splitlines()]
    return [line for line in lines if not line.startswith("curl")]


@pytest.mark.slow
def test_the_tutorial(tmp_path: Path) -> None:
    init, hello, check, fails, failed, makes, up, listed, following = commands(FIRST)
    said = does(tmp_path, *init.split())
    project = tmp_path / "hello"
    assert (project / "backgroundtask" / "first.py").is_file()
    assert "rota up" in said
    assert " succeeded " in does(project, *hello.split())

    build(FIRST, project)
    assert does(project, *check.split()) == "No mistakes; 3 tasks are right.\n"
    assert "FileNotFoundError" in does(project, *fails.split(), code=1)
    [line] = [one for one in does(project, *failed.split()).splitlines() if "import_orders" in one]
    run_id = line.split()[0]
    assert " 3 " in line

    subprocess.run(makes, shell=True, cwd=project, check=True)
    assert (project / "orders.csv").read_text() == "tea\nmilk\n"
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    with server(project, *up.split(), f"--port={port}"):
        eventually(lambda: ask(f"{page}/health/live"))
        again = ask(f"{page}/manager/runs/{run_id}/retry", "POST")["id"]
        eventually(lambda: ask(f"{page}/manager/runs/{again}")["state"] == "succeeded")
        health = "".join(commands(SECOND)[2:])
        assert '"healthy"' in does(
            project, *health.split(), f"--config={configured(project, port)}"
        )
    both = does(project, *listed.split())
    assert run_id in both
    assert again in both
    assert "import_orders" in does(project, *following.split())

    tests, doctor, _ = commands(SECOND)
    build(SECOND, project)
    assert "2 passed" in does(project, *tests.split())
    assert "Tasks not running" in does(project, *doctor.split(), code=1)  # no node is up


def configured(project: Path, port: int) -> Path:
    """Write the project's configuration with another port, for the commands that ask the node."""
    file = project / "other.json"
    file.write_text(json.dumps({"manager": {"port": port}}))
    return file
