"""A project of its own for each test that works in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rota.config
import rota_xcore.database
from manager import Manager
from manager.task.taskmanager import TaskManager
from rota.core.ports.clock import Clock

Make = Callable[..., TaskManager]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory to work in, with nothing left of another test's configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    rota.config.use(None)
    yield tmp_path
    rota_xcore.database.dispose()
    rota.config.use(None)


@pytest.fixture
def make(project: Path) -> Iterator[Make]:
    """Make this process's task manager, with a config.json of these sections; shut down after."""
    made: list[TaskManager] = []

    def make(*, clock: Clock | None = None, **sections: Any) -> TaskManager:
        (project / "config.json").write_text(json.dumps(sections))
        rota.config.use(None)
        made.append(TaskManager(clock=clock))
        Manager.use(made[-1])
        return made[-1]

    yield make
    for task_manager in made:
        task_manager.shutdown(grace=0)
    Manager.use(TaskManager())
