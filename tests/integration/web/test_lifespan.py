"""`rota.lifespan`: a task manager that lives as long as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rota
from rota import TaskManager
from rota.config import Xcorecfg
from rota.core.run import FINAL, State
from rota.errors import LedgerError
from rota.manager import Manager
from rota.testing import eventually

GREETINGS = """
import rota


@rota.task("interval", hours=1)
async def greet():
    return "Hello"
"""


def managing(project: Path, **settings: object) -> TaskManager:
    """Make a task manager of a project's own."""
    config = Xcorecfg()
    config.manager.ledger_url = f"sqlite:///{project}/rota.db"
    for key, value in settings.items():
        setattr(config.manager, key, value)
    return TaskManager(config, project=project)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "backgroundtask").mkdir()
    (tmp_path / "backgroundtask" / "greetings.py").write_text(GREETINGS)
    return tmp_path


@pytest.fixture
def manager(project: Path) -> Iterator[TaskManager]:
    manager = managing(project)
    yield manager
    manager.shutdown()


def ended(manager: TaskManager, task_id: str) -> State:
    """Start a task and return how that ended."""
    run_id = manager.run_task(task_id)
    eventually(lambda: manager.get_run(run_id).state in FINAL)
    return manager.get_run(run_id).state


def test_the_lifespan_runs_the_tasks_directory_while_the_application_runs(
    manager: TaskManager,
) -> None:
    async def serve() -> None:
        async with rota.lifespan(manager)(None):
            assert Manager.task_manager is manager
            assert await asyncio.to_thread(ended, manager, "greet") is State.SUCCEEDED
        assert not manager.running

    asyncio.run(serve())
    asyncio.run(serve())  # as the tests of an application do
    assert [node.state for node in manager.history.nodes()] == ["stopped"] * 2


def test_the_lifespan_loads_no_file_if_it_is_turned_off(manager: TaskManager) -> None:
    async def serve() -> None:
        async with rota.lifespan(manager, discover=False)(None):
            assert manager.running
            assert manager.list_tasks() == []

    asyncio.run(serve())


def test_mistakes_are_logged_and_valid_tasks_run(
    manager: TaskManager, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "backgroundtask" / "wrong.py").write_text("TASK_DEFINITIONS = 1\n")

    async def serve() -> None:
        async with rota.lifespan(manager)(None):
            assert [task.id for task in manager.list_tasks()] == ["greet"]

    with caplog.at_level(logging.ERROR, "rota.node"):
        asyncio.run(serve())
    [said] = caplog.messages
    assert "wrong.py" in said


def test_tasks_run_on_the_loop_of_the_application_where_it_is_lent(project: Path) -> None:
    manager = managing(project, task_loop="application")
    loops = []

    async def look() -> None:
        loops.append(asyncio.get_running_loop())

    manager.add_task(look, "interval", "look", hours=1)

    async def serve() -> None:
        async with rota.lifespan(manager)(None):
            assert await asyncio.to_thread(ended, manager, "look") is State.SUCCEEDED
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(serve())


def test_an_application_that_fails_takes_the_manager_along(manager: TaskManager) -> None:
    async def serve() -> None:
        async with rota.lifespan(manager)(None):
            raise OSError("no disk left")

    with pytest.raises(OSError, match="no disk left"):
        asyncio.run(serve())
    assert not manager.running
    assert [node.state for node in manager.history.nodes()] == ["stopped"]


def test_an_application_without_its_ledger_does_not_start(
    manager: TaskManager, project: Path
) -> None:
    (project / "rota.db").write_bytes(b"no ledger" * 1_000)
    began = []

    async def serve() -> None:
        async with rota.lifespan(manager)(None):
            began.append(True)

    with pytest.raises(LedgerError):
        asyncio.run(serve())
    assert not began
    assert not manager.running


def test_the_lifespan_imports_no_web_framework() -> None:
    code = (
        "import rota, sys; rota.lifespan(); rota.web\n"
        "sys.exit(bool({'fastapi', 'starlette', 'sqlalchemy', 'pydantic'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
