"""A crowd of connections that say little, and `rota up` as a process with few descriptors: it
schedules on, answers others, writes no flood of lines, and all is as before afterwards."""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.fault.effort import LONG, effort
from tests.integration.cli.project import ROTA, Project, until

ATTACK = Path(__file__).with_name("attack.py")
TASKS = """
import rota


@rota.task("interval", seconds=0.2, overlap="allow")
async def tick():
    pass


@rota.task("interval", hours=1, executor="process")
def apart():
    return "done"
"""
SECONDS = effort(6, 45)
LOG = 200_000  # bytes


def asked(project: Project, path: str) -> tuple[int, bytes]:
    """Return what a client at another address of this machine is answered."""
    link = http.client.HTTPConnection(
        "127.0.0.1", project.port, timeout=10, source_address=("127.0.0.2", 0)
    )
    try:
        link.request("GET", path, headers={"Host": "localhost"})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


@contextmanager
def attacked(kind: str, port: int, count: int) -> Iterator[list[str]]:
    """Hold so many connections; in what is yielded, says afterwards how many were made."""
    words = [sys.executable, str(ATTACK), kind, str(port), str(count)]
    made: list[str] = []
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as attack:
        assert attack.stdout is not None
        assert attack.stdout.readline() == "begun\n"
        try:
            yield made
        finally:
            made += attack.communicate(timeout=240)[0].split()


def lateness(project: Project) -> list[float]:
    """Return the seconds after its time that each run of `tick` started."""
    late = []
    for run in project.lines("runs", "--task", "tick", "--limit", "100000"):
        if run["started_at"] and run["fire_time"]:
            began, due = (datetime.fromisoformat(run[key]) for key in ("started_at", "fire_time"))
            late.append((began - due).total_seconds())
    return sorted(late)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [1000, 5000] if LONG else [1000])
@pytest.mark.parametrize("kind", ["idle", "heads", "bodies", "deaf"])
def test_a_crowd_of_connections_stops_nothing(
    tmp_path: Path, kind: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 500:
        pytest.skip("needs a higher limit of open files")
    project = Project(tmp_path, TASKS)
    limited = ("sh", "-c", 'ulimit -n 1024; exec "$0" "$@"', ROTA, "up")
    with project.up(command=limited) as up:
        up.ready()
        until(lambda: asked(project, "/health")[0] == 200)
        files = psutil.Process(up.process.pid).num_fds()
        answers, slowest = [], 0.0
        with attacked(kind, project.port, count) as made:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                began = time.monotonic()
                status, body = asked(project, "/health")
                slowest = max(slowest, time.monotonic() - began)
                answers.append((status, json.loads(body)["reasons"]))
                most = psutil.Process(up.process.pid).num_fds()
                time.sleep(0.2)
            project.rota("run", "apart", "--wait")
        # No connection of the crowd is left; the ledger's readers, opened meanwhile, are kept.
        until(lambda: psutil.Process(up.process.pid).num_fds() <= files + 32)
        assert asked(project, "/health")[0] == 200
    late = lateness(project)
    p99 = late[int(len(late) * 0.99)]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind}, {count}: {' '.join(made)} connections made, {len(late)} runs,"
            f" p99 {p99:.3f} s late,"
            f" worst {late[-1]:.3f} s; /health answered {len(answers)} times, slowest"
            f" {slowest:.3f} s; {most} descriptors, {len(up.output)} bytes of log\n"
        )
    assert {status for status, _ in answers} == {200}
    assert len(late) > SECONDS
    assert p99 < 1
    assert most < 600
    assert len(up.output) < LOG
