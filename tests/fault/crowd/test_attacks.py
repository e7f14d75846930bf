"""Attacks on `rota up`, as a process with few descriptors: it schedules on in time, answers others,
writes no flood of lines, and all is as before afterwards."""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.fault.effort import LONG, effort
from tests.fault.sound import unsound
from tests.integration.cli.project import ROTA, Project, Up, until

ATTACK = Path(__file__).with_name("attack.py")
TASKS = """
import time

import rota


@rota.task("interval", seconds=0.2, overlap="allow")
def tick():
    due = rota.current_run().fire_time.timestamp()
    with open("ticks", "a") as ticks:
        ticks.write(f"{due} {time.time()}\\n")


@rota.task("interval", hours=1, executor="process")
def apart():
    return "done"


@rota.task("interval", hours=1)
def named(name=""):
    pass
"""
EVERY = 0.2  # seconds
CALM = 1.0  # seconds of scheduling before the attack, to compare with
SECONDS = effort(3, 45)
WORK = 0.01  # seconds of the processor
LOG = 200_000  # bytes
CROWDS = [1000, 5000] if LONG else [1000]
KINDS = [(kind, count) for kind in ("idle", "heads", "bodies", "deaf") for count in CROWDS]
KINDS += [("masks", 4), ("keys", 2)]


class Figures(NamedTuple):
    """Of what was measured again and again."""

    number: int
    p99: float
    worst: float

    @classmethod
    def of(cls, late: list[float]) -> Figures:
        """Summarize some figures."""
        ranked = sorted(late)
        return cls(len(ranked), ranked[(len(ranked) - 1) * 99 // 100], ranked[-1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Up]]:
    """A node for all attacks: what one leaves behind would harm the next."""
    project = Project(tmp_path_factory.mktemp("crowd"), TASKS)
    limited = ("sh", "-c", 'ulimit -n 1024; exec "$0" "$@"', ROTA, "up")
    with project.up(command=limited) as up:
        up.ready()
        until(lambda: asked(project, "/health")[0] == 200)
        yield project, up
    assert unsound(f"sqlite:///{project.path / 'rota.db'}") == []


def asked(project: Project, path: str) -> tuple[int, bytes]:
    """Return what a client at another address of this machine is answered."""
    link = http.client.HTTPConnection(
        "127.0.0.1", project.port, timeout=60, source_address=("127.0.0.2", 0)
    )
    try:
        link.request("GET", path, headers={"Host": "localhost"})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


@contextmanager
def attacked(kind: str, port: int, count: int) -> Iterator[list[str]]:
    """Attack; in what is yielded, says afterwards how many connections were made."""
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


@contextmanager
def machine() -> Iterator[list[float]]:
    """Note how many times longer than on an idle machine a little work takes now: a processor that
    others have is no fault of the server's."""
    slower, over = [1.0], threading.Event()

    def work() -> None:
        while not over.wait(EVERY):
            began, spent = time.monotonic(), time.thread_time()
            while time.thread_time() - spent < WORK:
                pass
            slower.append((time.monotonic() - began) / WORK)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield slower
    finally:
        over.set()
        thread.join()


def ticks(project: Project, since: float, before: float) -> list[float]:
    """Return how late each run of `tick` began, by its own clock, whose time lay in between; waits
    until the last of them has begun."""

    def begun() -> list[tuple[float, float]]:
        lines = (project.path / "ticks").read_text().splitlines(keepends=True)
        pairs = [line.split() for line in lines if line.endswith("\n")]
        return [(float(due), float(began)) for due, began in pairs]

    until(lambda: len([due for due, _ in begun() if due >= before]) > 5)
    late = [began - due for due, began in begun() if since <= due < before]
    assert len(late) >= (before - since) / EVERY - 2, f"{len(late)} in {before - since} s"
    return late


def connected(project: Project, up: Up) -> int:
    """Return how many clients the server has; its other descriptors, the ledger's above all, come
    and go for reasons of their own."""
    links = psutil.Process(up.process.pid).net_connections("tcp")
    return sum(link.laddr.port == project.port and bool(link.raddr) for link in links)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_an_attack_stops_nothing(
    server: tuple[Project, Up], kind: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 500:
        pytest.skip("needs a higher limit of open files")
    project, up = server
    answers, slowest, descriptors, log = [], 0.0, 0, len(up.output)
    calm = time.time()
    until(lambda: time.time() > calm + CALM)
    with machine() as slower, attacked(kind, project.port, count) as made:
        began = time.time()
        while time.time() < began + SECONDS:
            asking = time.monotonic()
            status, body = asked(project, "/health")
            slowest = max(slowest, time.monotonic() - asking)
            answers.append((status, json.loads(body)["reasons"]))
            descriptors = max(descriptors, psutil.Process(up.process.pid).num_fds())
            time.sleep(EVERY)
        if count >= min(CROWDS):
            project.rota("run", "apart", "--wait")  # descriptors suffice for a new process
        ended = time.time()
    until(lambda: connected(project, up) <= 2)
    assert asked(project, "/health")[0] == 200
    before = Figures.of(ticks(project, calm, calm + CALM))
    late = Figures.of(ticks(project, began, ended))
    slow = Figures.of(slower).p99
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind}, {count}: {' '.join(made)} made in {ended - began:.1f} s;"
            f" {late.number} runs, p99 {late.p99:.3f} s late, worst {late.worst:.3f} s"
            f" (before: {before.p99:.3f} s); work took {slow:.1f} times as long;"
            f" /health answered {len(answers)} times, slowest {slowest:.3f} s;"
            f" {descriptors} descriptors, {len(up.output) - log} bytes of log\n"
        )
    assert {status for status, _ in answers} == {200}, answers
    assert late.p99 < max(slow, 1 + before.p99)  # p99 is under a second where no other work is done
    assert descriptors < 600
    assert len(up.output) - log < LOG
