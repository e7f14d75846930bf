"""A project in a directory of its own, imported for real and forgotten after the test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from rota.config.sections import ManagerSection
from rota.discovery.loader import Catalogue, LoadedFile, load_directory


class Project:
    """A user's project in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tasks = root / "backgroundtask"
        self.tasks.mkdir()

    def write(self, name: str, text: str) -> Path:
        """Write a file below the tasks directory."""
        path = self.tasks / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def load(self, previous: Catalogue | None = None, timeout: float = 10.0) -> Catalogue:
        """Load every task file."""
        return load_directory(
            "backgroundtask", self.root, ManagerSection(), timeout=timeout, previous=previous
        )

    def file(self, catalogue: Catalogue, name: str) -> LoadedFile:
        """Return what one file gave."""
        return next(file for file in catalogue.files if file.path.name == name)


GOOD = """
async def good():
    \"\"\"Do good.\"\"\"

TASK_DEFINITIONS = [{"id": "good", "func": good, "trigger": "cron", "trigger_args": {"hour": 9}}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with one sound task file; what it imports is forgotten afterwards.

    A container that other tests of this process imported is put away meanwhile.
    """
    path = list(sys.path)
    others = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_container(name)}
    modules = dict(sys.modules)
    made = Project(tmp_path)
    made.write("good.py", GOOD)
    yield made
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if name not in modules and _lies_in(tmp_path, module):
            del sys.modules[name]
    sys.modules.update(others)


def _is_container(name: str) -> bool:
    return name.partition(".")[0] == "backgroundtask"


def _lies_in(directory: Path, module: Any) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []))
    return any(Path(place).is_relative_to(directory) for place in places)
