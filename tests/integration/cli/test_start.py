"""Before anything runs: help, version, a new project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rota.cli.commands
from rota import __version__
from rota.cli.commands import COMMANDS, load_command
from tests.docs.pages import snippets
from tests.integration.cli.project import ROTA, Project

HEAVY = ("sqlalchemy", "alembic", "pydantic", "apscheduler", "fastapi", "rich", "asyncio")


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['rota', '--help']\n"
        "from rota.cli.main import run\n"
        "try: run()\n"
        "finally: print('loaded', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    listed, _, loaded = done.stdout.partition("\nloaded ")
    for name, text in COMMANDS.items():
        assert name in listed
        assert text.split(".")[0][:20] in listed
    assert not set(HEAVY) & set(loaded.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str) -> None:
    assert load_command(name).__doc__


def test_every_file_of_a_command_is_listed_in_its_room() -> None:
    rooms = Path(rota.cli.commands.__file__).parent.glob("*/")
    files = [file.stem for room in rooms for file in room.glob("*.py") if file.stem != "__init__"]
    assert sorted(files) == sorted(COMMANDS)


def test_a_command_shows_its_own_options() -> None:
    done = subprocess.run([ROTA, "runs", "--help"], capture_output=True, text=True, check=True)
    for option in ("--task", "--state", "--since", "--until", "--limit", "--json", "--config"):
        assert option in done.stdout


def test_version() -> None:
    done = subprocess.run([ROTA, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"rota {__version__}\n"


def test_unknown_command_names_the_nearest() -> None:
    done = subprocess.run([ROTA, "rnus"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'runs'" in done.stderr


def test_init_makes_a_project_that_works_at_once(tmp_path: Path) -> None:
    made = subprocess.run(
        [ROTA, "init", "fresh"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "cd fresh && rota up" in made.stdout
    project = Project.at(tmp_path / "fresh")
    assert project.lines("check") == []
    assert [task["id"] for task in project.lines("ls")] == ["cleanup", "hello"]
    assert not project.has("rota.db")


def test_the_jobs_of_the_documentation_run_as_it_says(tmp_path: Path) -> None:
    blocks = snippets(Path("docs/howto/jobs.md"), "sh")
    [block] = [one.text for one in blocks if one.text.startswith("rota init ")]
    init, enter, *commands = [line.split() for line in block.splitlines() if line]
    subprocess.run([ROTA, *init[1:]], cwd=tmp_path, capture_output=True, check=True)
    assert enter == ["cd", init[2]]
    project = Project.at(tmp_path / init[2])
    assert project.lines("check") == []
    *ran, listed = [project.rota(*words[1:]) for words in commands]
    assert "Hello, Ann!" in ran[0].stderr
    assert "invoice of month 3 for acme" in ran[1].stderr
    assert ran[1].stdout.strip() in listed.stdout and ran[0].stdout.strip() not in listed.stdout
    assert {run["state"] for run in project.lines("runs")} == {"succeeded"}


def test_init_overwrites_nothing(project: Project) -> None:
    before = (project.path / "config.json").read_text()
    said = project.rota("init").stdout
    assert (project.path / "config.json").read_text() == before
    assert "kept  config.json" in said
    assert "made  .gitignore" in said


def test_init_where_nothing_can_be_written(project: Project) -> None:
    project.touch("file")
    assert "cannot be written" in project.rota("init", "file/below", code=2).stderr


@pytest.mark.parametrize(
    "words", ["ls", "check", "check work.py", "doctor", "next", "up", "worker", "run work"]
)
def test_a_directory_that_was_deleted(tmp_path: Path, words: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir ../gone && exec {ROTA} {words}"
    done = subprocess.run(
        ["sh", "-c", script], cwd=gone, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the current directory: it was deleted, and perhaps created again.\n"
        "       Enter the project again: cd to its path.\n"
    )
