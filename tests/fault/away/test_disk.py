"""A node whose disk is full, or read-only; and a row that was acknowledged is on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fault.away.disk import Disk, wrapped
from tests.fault.away.node import node
from tests.fault.effort import effort
from tests.integration.cli.project import ROTA, Project, environment


@contextmanager
def full(disk: Disk) -> Iterator[None]:
    """There is no room left."""
    disk.fill()
    yield
    disk.make_room()


def test_a_full_disk_is_reported_and_loses_no_run(tmp_path: Path) -> None:
    at = tmp_path / "disk"
    at.mkdir()
    within = wrapped(at, at, size="8m")
    with node(tmp_path, f"sqlite:///{at}/rota.db", within=within) as one:
        before = one.weighs()
        disk = Disk(one.up.process.pid, at)
        with one.suffers(full(disk), "away for .*full.*Make room", effort(4, 60)):
            (report,) = one.project.lines("health", code=1)
            assert report["ledger"]["state"] == "away"
        one.comes_back()
        one.weighs_as(before)
        one.tells_the_truth()


def test_a_read_only_disk_is_refused_at_the_start_and_stays_as_it_is(tmp_path: Path) -> None:
    source, at = tmp_path / "source", tmp_path / "disk"
    source.mkdir()
    at.mkdir()
    project = Project(tmp_path, ledger_url=f"sqlite:///{at}/rota.db")
    project.rota("run", "fail", code=1)
    shutil.move(at / "rota.db", source)
    done = subprocess.run(
        [*wrapped(at, source, size="8m", read_only=True), ROTA, "up", "--plain"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "this user may write there" in done.stderr


def test_a_row_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs `strace`, to see what is flushed")
    trace = tmp_path / "trace"
    Project(tmp_path)
    watched = [strace, "-f", "-y", "-o", str(trace), "-e", "trace=write,pwrite64,fdatasync,fsync"]
    done = subprocess.run(
        [*watched, ROTA, "run", "greet", "--wait"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "PTRACE" in done.stderr or "not permitted" in done.stderr:
        pytest.skip("this user may not trace processes")
    run_id = done.stdout.split()[0]
    lines = trace.read_text(errors="replace").splitlines()
    told = next(n for n, line in enumerate(lines) if " write(1<" in line and run_id in line)
    log = [line for line in lines[:told] if "rota.db-wal>" in line]
    assert any("pwrite64(" in line for line in log)
    assert re.search(r"f(data)?sync\(", log[-1]), f"not flushed before it was told: {log[-1]}"


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with project.up("--plain") as up:
        up.ready()
        run_id = project.rota("run", "hold").stdout.split()[0]
        os.kill(up.process.pid, signal.SIGKILL)
        up.ends()
    assert run_id in {run["id"] for run in project.lines("runs")}
