"""What a request may name as a function: never a way to run any code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rota.config.sections import ManagerSection
from tests.integration.web.site import FAR, Site, greet

CHORES = """
import os
import os as system_module
import subprocess
from os import system
from shutil import rmtree as tidy


def sweep():
    pass


def _secret():
    pass


def register_tasks(task_manager):
    pass


class Broom:
    def sweep(self):
        pass


handy = os.system
alias = Broom().sweep
TASK_DEFINITIONS = []
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a task file that imports dangerous things, and a module beside it."""
    directory = tmp_path_factory.mktemp("house")
    files = directory / "backgroundtask"
    files.mkdir()
    (files / "chores.py").write_text(CHORES)
    (directory / "never_imported_here.py").write_text("def ready():\n    pass\n")
    with Site(directory) as site:
        site.manager.discover()
        yield site


def create(site: Site, path: str) -> Any:
    body = {"id": path[:100] or "empty", "name": "x", "func_path": path, "trigger": "interval"}
    return site.client.post("/manager/tasks", json={**body, "trigger_args": FAR})


def module(site: Site) -> str:
    return next(file.module.__name__ for file in site.manager.catalogue.files if file.module)


def test_own_functions_of_task_files_may_be_named(house: Site) -> None:
    assert create(house, f"{module(house)}:sweep").status_code == 201
    assert create(house, f"{module(house)}.sweep").status_code == 201


@pytest.mark.parametrize(
    "name",
    [
        *("system", "os:system", "os.system", "system_module.system", "subprocess.run", "tidy"),
        *("handy", "alias", "_secret", "register_tasks", "Broom", "Broom.sweep", "Broom:sweep"),
        *("sweep.__globals__", "sweep.__code__", "__builtins__", "__loader__", "nothing"),
        *("sweep ", " sweep", "sweep()", "sweep\n", "SWEEP", "sweep\u200b"),
    ],
)
def test_functions_of_task_modules_that_are_not_public_are_refused(house: Site, name: str) -> None:
    for separator in (":", "."):
        answer = create(house, f"{module(house)}{separator}{name}")
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["where"] == "func_path"


@pytest.mark.parametrize(
    "path",
    [
        *("os:system", "os.system", "posix:system", "builtins:exec", "builtins.eval", "__main__:x"),
        *("never_imported_here:ready", "backgroundtask.chores:os.system", "subprocess:run"),
        *("../never_imported_here:ready", "/etc/passwd", "..:x", "chores/../os:system"),
        *(":", "", ".", "a" * 400, "rota.manager:TaskManager", "rota:TaskManager.shutdown"),
        *("lambda: 0", "__import__('os').system('true')", "os:system#", "%6fs:system"),
    ],
)
def test_functions_outside_of_task_modules_are_refused(house: Site, path: str) -> None:
    before = set(sys.modules)
    assert create(house, path).status_code == 422
    assert "never_imported_here" not in sys.modules
    assert not [name for name in set(sys.modules) - before if "never" in name]


def test_what_the_application_registered_may_be_named(site: Site) -> None:
    task = site.manager.get_task(site.add(greet))
    assert task is not None
    assert create(site, task.func_path).status_code == 201


def test_creation_is_off_unless_it_is_turned_on(tmp_path: Path) -> None:
    with Site(tmp_path, api_creates_tasks=False) as site:
        task = site.manager.get_task(site.add(greet))
        assert task is not None
        answer = create(site, task.func_path)
        assert answer.status_code == 403
        assert "manager.api_creates_tasks" in answer.json()["remedy"]
        assert site.manager.get_task(task.func_path) is None
    assert ManagerSection().api_creates_tasks is False
