"""Told to end while it starts: before, in and after each of its steps."""

from __future__ import annotations

import signal
import threading
import time
import urllib.error
from pathlib import Path

import pytest

from rota.errors import StateError
from rota.testing import Harness
from tests.fault.endings.leftovers import ended_by, locked, record_of
from tests.integration.cli.project import Project, until

SLOW = """
import os
import subprocess
import time
from pathlib import Path

import rota

if bool(os.environ.get("ROTA_PROBE")) == {on_trial}:
    child = subprocess.Popen(["sleep", "1000"])
    Path("importing").touch()
    time.sleep(1000)
"""
THEIRS = """
import signal

import rota

signal.signal(signal.SIGTERM, lambda *_: None)
"""
MANY = """
import rota
from rota import TaskManager


def work():
    pass


def register_tasks(manager):
    for number in range(4_000):
        manager.add_task(work, "interval", f"task-{number}", hours=1)
"""


def listens(project: Project) -> bool:
    try:
        return bool(project.asked("/health"))
    except (OSError, urllib.error.URLError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("on_trial", [True, False])
def test_a_signal_ends_the_start_while_a_slow_task_file_is_imported(
    tmp_path: Path, number: signal.Signals, on_trial: bool
) -> None:
    project = Project(tmp_path, SLOW.format(on_trial=on_trial))
    with project.up("--plain") as up:
        until(lambda: project.has("importing"))
        assert ended_by(project, up, number) == 0
        assert "is up" not in up.output


def test_a_signal_ends_the_start_while_many_tasks_are_registered(tmp_path: Path) -> None:
    project = Project(tmp_path, MANY)
    with project.up("--plain") as up:
        until(lambda: listens(project))
        assert ended_by(project, up, signal.SIGHUP) == 0
    if project.has("rota.db"):
        assert {node.state for node in record_of(project)[0]} <= {"stopped"}


def test_a_signal_ends_the_start_while_the_ledger_cannot_be_written(project: Project) -> None:
    project.rota("run", "greet")  # makes the ledger
    with locked(project.path / "rota.db"), project.up("--plain") as up:
        until(lambda: listens(project))
        assert ended_by(project, up, signal.SIGTERM) == 0
        assert "is up" not in up.output
    assert {node.state for node in record_of(project)[0]} == {"stopped"}


def test_a_caught_signal_ends_the_start_while_the_ledger_cannot_be_written(
    project: Project,
) -> None:
    project.rota("run", "greet")
    project.write("backgroundtask/theirs.py", THEIRS)
    with locked(project.path / "rota.db"), project.up("--plain") as up:
        until(lambda: listens(project))
        assert ended_by(project, up, signal.SIGTERM) == 0
        assert "is up" not in up.output


def test_a_start_inside_an_application_is_interrupted(tmp_path: Path) -> None:
    with Harness(tmp_path):
        pass
    rig, said = Harness(tmp_path), []

    def start() -> None:
        try:
            rig.manager.start()
        except StateError as error:
            said.append(str(error))

    with locked(tmp_path / "rota.db"):
        starting = threading.Thread(target=start)
        starting.start()
        until(lambda: rig.manager.running)
        began = time.monotonic()
        assert rig.manager.shutdown(grace=600)  # nothing was left to write
        assert time.monotonic() - began < 20
        starting.join()
    assert "stopped while it started" in said[0]
    assert not rig.manager.running
    with rig:
        assert rig.manager.running
