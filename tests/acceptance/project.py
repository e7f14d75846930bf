"""Projects in temporary directories, and real processes in them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rota import TaskManager
from rota.config import Xcorecfg
from rota.core.ports.history import History
from rota.testing import eventually
from tests import forked

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "fastapi_app"
FOREIGN = Path(__file__).parent / "foreign"

STRICT = ("-W", "error", "-W", "ignore:datetime.datetime.utcnow:DeprecationWarning")
"""Warnings are errors, but for the one that the document's own code draws from Python 3.12 on."""

_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.db*", ".*")


def example(directory: Path) -> Path:
    """Copy the example application."""
    return copy(EXAMPLE, directory)


def example_with_foreign_packages(directory: Path) -> Path:
    """Copy it, and put a `database` and a `cache` package of the user's own beside."""
    example(directory)
    return copy(FOREIGN, directory)


def copy(source: Path, directory: Path) -> Path:
    """Copy a project without what running it has left there."""
    shutil.copytree(source, directory, ignore=_LEFT_BEHIND, dirs_exist_ok=True)
    return directory


def environment(**more: str) -> dict[str, str]:
    """Return this environment without settings that would reach into the project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XCORE_")}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "PYTHONDONTWRITEBYTECODE": "1", **more}


def python(project: Path, *arguments: str | Path, **env: str) -> str:
    """Run Python in a project and return all it said; fails the test where it fails."""
    command = [sys.executable, *STRICT, *map(str, arguments)]
    done = forked.run(command, project, environment(**env))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def wait_until(done: Callable[[], object], what: str) -> None:
    """Look again and again until something has come true; fails the test when it has not."""
    eventually(done, what=what)


@contextmanager
def history_of(project: Path) -> Iterator[History]:
    """Read a project's ledger from here."""
    config = Xcorecfg()
    config.manager.ledger_url = f"sqlite:///{project}/rota.db"
    task_manager = TaskManager(config, project=project)
    try:
        yield task_manager.history
    finally:
        task_manager.shutdown()
