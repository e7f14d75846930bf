"""Every block of the user's document runs unchanged in the example application.

Once in the application as it is, and once where it has packages of its own named `database` and
`cache`: these then serve the blocks, and nothing of ours breaks.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import rota
from configurations import Xcorecfg
from tests.acceptance.document import DOCUMENT, MISSING, Block, blocks
from tests.acceptance.project import example, example_with_foreign_packages, python

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason=MISSING)

HERE = Path(__file__).parent
TESTS = "Testing Tasks"
PYTHON = [block for block in blocks("python") if block.heading != TESTS]
PROJECTS = {"ours": example, "foreign": example_with_foreign_packages}


def named(*found: Block) -> list[object]:
    """Make each block a parameter with its heading as the test's name."""
    return [pytest.param(block, id=block.heading) for block in found]


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the example application, with and without foreign packages."""
    make: Callable[[Path], Path] = PROJECTS[request.param]
    return make(tmp_path / "app")


@pytest.mark.parametrize("block", named(*(one for one in PYTHON if not one.is_data)))
def test_a_block_does_what_it_says(block: Block, project: Path) -> None:
    file = project / "block.py"
    file.write_text(block.text)
    python(project, HERE / "scenarios.py", block.heading, file)


@pytest.mark.parametrize("block", named(*(one for one in PYTHON if one.is_data)))
def test_a_block_of_data_is_understood(block: Block) -> None:
    for node in ast.parse(block.text).body:
        assert isinstance(node, ast.Expr)
        shown = ast.literal_eval(node.value)
        trigger, args = shown.get("trigger", "cron"), shown.get("trigger_args", shown)
        after = rota.preview("interval", {"days": 1}, count=1)[0].replace(year=2024, month=1)
        assert rota.preview(trigger, args, after=after, count=1)


@pytest.mark.parametrize("block", named(*(one for one in PYTHON if one.is_task_file)))
def test_a_task_file_is_found_and_runs(block: Block, project: Path) -> None:
    (project / "backgroundtask" / "taskplugins.py").write_text(block.text)
    said = python(project, HERE / "discovering.py")
    functions = [
        node.name for node in ast.parse(block.text).body if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert json.loads(said.splitlines()[-1]) == dict.fromkeys(functions, "succeeded")


def test_the_tests_it_shows_pass(project: Path) -> None:
    [block] = [block for block in blocks("python") if block.heading == TESTS]
    (project / "test_block.py").write_text(block.text)
    (project / "conftest.py").write_text((HERE / "reader_tests.py").read_text())
    (project / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n"
    )
    said = python(project, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "2 passed" in said


def test_the_configuration_it_shows_is_read(tmp_path: Path) -> None:
    [block] = blocks("json")
    (tmp_path / "config.json").write_text(block.text)
    manager = Xcorecfg.from_file(tmp_path / "config.json", environ={}).manager
    for key, value in json.loads(block.text)["manager"].items():
        assert getattr(manager, key) == value


def test_foreign_packages_are_really_the_users(tmp_path: Path) -> None:
    project = example_with_foreign_packages(tmp_path / "app")
    python(project, HERE / "beside_foreign.py")
