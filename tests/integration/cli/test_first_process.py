"""`rota up` as the first process of a container: orphans are reaped, signals passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.cli.project import ROTA, Project, Up, until

APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def _may_be_apart() -> bool:
    try:
        return subprocess.run([*APART, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not _may_be_apart(), reason="no process namespaces here"
)

ORPHANS = """
import subprocess
import sys
from pathlib import Path

import psutil
import rota

HERE = Path(__file__).parents[1]


@rota.task("interval", seconds=1)
def leave_orphans() -> None:
    for _ in range(5):
        subprocess.run(["sh", "-c", "sleep 0.05 & true"], check=True)


@rota.task("interval", seconds=1)
def wait_for_children() -> None:
    for code in (0, 3, 7):
        assert subprocess.run([sys.executable, "-c", f"exit({code})"]).returncode == code
    (HERE / "codes").write_text("right")


@rota.task("interval", seconds=1)
def count() -> None:
    zombies = [one.pid for one in psutil.process_iter() if one.status() == "zombie"]
    with (HERE / "zombies").open("a") as file:
        file.write(f"{len(zombies)}\\n")
"""


def first(up: Up) -> psutil.Process:
    """Return the process that is the first one of its namespace."""
    until(lambda: psutil.Process(up.process.pid).children())
    return psutil.Process(up.process.pid).children()[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    (tmp_path / "backgroundtask" / "orphans.py").write_text(ORPHANS)
    return project


def up_apart(project: Project) -> Up:
    return Up(project, command=(*APART, ROTA, "up"))


def test_orphaned_processes_are_reaped_and_no_exit_code_is_lost(project: Project) -> None:
    up = up_apart(project)
    try:
        up.ready()
        counts = project.path / "zombies"
        until(lambda: counts.exists() and len(counts.read_text().splitlines()) >= 5)
        # Five more of them each second; of the last ones, some may end just now.
        assert int(counts.read_text().split()[-1]) <= 6
        until(lambda: (project.path / "codes").exists())
        runs = project.lines("runs", "--task", "wait_for_children")
        assert {run["state"] for run in runs} <= {"succeeded", "running", "queued", "skipped"}
        first(up).send_signal(signal.SIGTERM)
        up.says("SIGTERM: running tasks get")
        assert up.ends() == 0
    finally:
        up.kill()


def test_a_second_signal_means_now_and_the_code_is_the_childs(tmp_path: Path) -> None:
    project = Project(tmp_path)
    up = up_apart(project)
    try:
        up.ready()
        project.rota("run", "hold")
        until(lambda: project.has("begun"))
        process = first(up)
        process.send_signal(signal.SIGTERM)
        up.says("SIGTERM: running tasks get")
        process.send_signal(signal.SIGTERM)
        up.says("stopping now")
        assert up.ends() == 1
    finally:
        up.kill()


def test_rota_up_is_one_process_if_it_is_not_the_first_process(tmp_path: Path) -> None:
    with Project(tmp_path).up() as up:
        up.ready()
        assert not psutil.Process(up.process.pid).children()
        assert os.getpid() != 1
        up.send(signal.SIGTERM)
        assert up.ends() == 0
