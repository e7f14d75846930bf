"""Told to end while tasks run that end in time, too late, or never."""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import pytest

from rota.core.run import FINAL, State
from rota.testing import Harness
from tests.fault.effort import effort
from tests.fault.endings.leftovers import (
    NOISE,
    ended_by,
    locked,
    processes_of,
    program,
    record_of,
    run_by_hand,
    wrote_all,
)
from tests.fault.journal import PRELUDE, Journal
from tests.integration.cli.project import (
    PATIENCE,
    ROTA,
    Project,
    free_port,
    until,
)

NEVER = """
import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import rota

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"


def begun():
    Path(f"begun-{rota.current_run().task_id}").touch()
    return Path("release").exists()


@rota.task("date", run_date="2100-01-01", on_crash="lose")
def spin():
    done = begun()
    while not done:
        pass


@rota.task("date", run_date="2100-01-01")
def wait_for_child():
    if not begun():
        subprocess.run([sys.executable, "-c", DEAF])


@rota.task("date", run_date="2100-01-01")
def leave_thread():
    if not begun():
        threading.Thread(target=time.sleep, args=(1000,)).start()


@rota.task("date", run_date="2100-01-01")
async def swallow():
    done = begun()
    while not done:
        try:
            await asyncio.sleep(1000)
        except BaseException:
            pass


@rota.task("date", run_date="2100-01-01")
async def wait_for_thread():
    if not begun():
        await asyncio.to_thread(time.sleep, 1000)


@rota.task("date", run_date="2100-01-01", executor="process")
def have_children():
    if not begun():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", DEAF])
        subprocess.run([sys.executable, "-c", DEAF], start_new_session=True)


@rota.task("date", run_date="2100-01-01", on_crash="lose", executor="process")
def be_lost():
    if not begun():
        time.sleep(1000)
"""
RESTARTED = ["wait_for_child", "swallow", "wait_for_thread", "have_children"]
LOST = ["spin", "be_lost"]

TICKING = (
    PRELUDE
    + """

@rota.task("interval", seconds=1, catchup="all")
def tick():
    tell("began")
    tell("ended")


@rota.task("interval", seconds=2, catchup="all", executor="process")
def tock():
    tell("began")
    tell("ended")
"""
)

APPLICATION = """
import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from rota import TaskManager

manager = TaskManager.from_config("config.json")


async def hold():
    Path("begun").touch()
    while not Path("release").exists():
        await asyncio.sleep(0.02)


@asynccontextmanager
async def lifespan(app):
    manager.add_task(hold, "date", "hold", run_date="2100-01-01")
    manager.start()
    manager.run_task("hold")
    yield
    clean = await asyncio.to_thread(manager.shutdown)
    Path("clean" if clean else "cut").touch()


app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_never_ends_is_handed_back_or_lost_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    project = Project(tmp_path, NEVER, shutdown_grace=1)
    every = [*RESTARTED, *LOST, "leave_thread"]
    with project.up("--plain") as up:
        up.ready()
        run_by_hand(project, *every)
        until(lambda: all(project.has(f"begun-{task}") for task in every))
        assert ended_by(project, up, number, grace=1) == 1
    if wrote_all(up):
        _is_true(project)
    project.touch("release")
    with project.up("--plain") as again:
        again.ready()
        until(lambda: all(run.state in FINAL for run in record_of(project)[1].values()))
        assert ended_by(project, again, number, grace=1) == 0
    ended = record_of(project)[1]
    assert {ended[task].state for task in RESTARTED} == {State.SUCCEEDED}
    assert {ended[task].state for task in LOST} == {State.LOST}


def _is_true(project: Project) -> None:
    nodes, runs = record_of(project)
    assert {node.state for node in nodes} == {"stopped"}
    assert {task: run.state for task, run in runs.items()} == {
        **dict.fromkeys(RESTARTED, State.QUEUED),
        **dict.fromkeys(LOST, State.LOST),
        "leave_thread": State.SUCCEEDED,
    }
    assert all("handed back by node a" in runs[task].reason for task in RESTARTED + LOST)


def test_the_same_signal_five_times(project: Project) -> None:
    with project.up("--plain") as up:
        up.ready()
        run_by_hand(project, "hold")
        until(lambda: project.has("begun"))
        for _ in range(4):
            up.send(signal.SIGTERM)
            time.sleep(0.01)  # or the kernel makes one of two
        assert ended_by(project, up, signal.SIGTERM) == 1
    if wrote_all(up):
        nodes, runs = record_of(project)
        assert nodes[0].state == "stopped"
        assert runs["hold"].state is State.QUEUED


def test_a_ledger_that_stays_away_holds_up_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, shutdown_grace=1)
    with project.up("--plain") as up:
        up.ready()
        run_by_hand(project, "hold")
        until(lambda: project.has("begun"))
        with locked(tmp_path / "rota.db"):
            assert ended_by(project, up, signal.SIGTERM, grace=1) == 1
        assert "the ends of 1 attempts are not written" in up.output
    project.touch("release")
    with project.up("--plain") as again:
        again.ready()
        until(lambda: record_of(project)[1]["hold"].state is State.SUCCEEDED)
        assert ended_by(project, again, signal.SIGTERM) == 0


def test_a_scheduler_in_an_application_ends_in_time_without_its_ledger(tmp_path: Path) -> None:
    async def quick() -> None:
        pass

    rig = Harness(tmp_path)
    rig.manager.add_task(quick, "date", "quick", run_date="2100-01-01")
    with rig:
        with locked(tmp_path / "rota.db"):
            began = time.monotonic()
            rig.manager.shutdown(grace=0.5)
            assert time.monotonic() - began < 2.5 + NOISE
        assert not rig.manager.running
    with rig:
        rig.manager.run_task("quick")
        (run,) = rig.ended("quick")
        assert run.state is State.SUCCEEDED


def test_restarts_one_after_the_other(tmp_path: Path) -> None:
    project = Project(tmp_path, TICKING)
    began, restarts = time.monotonic(), effort(3, 50)
    for number in range(restarts):
        with project.up("--plain") as up:
            if number % 5 != 1:
                up.ready()
            time.sleep(random.random() * 0.7)
            up.send(random.choice([signal.SIGTERM, signal.SIGINT]))
            # One that had not come so far as to catch signals dies of them; so does Python itself.
            died = (-signal.SIGTERM, -signal.SIGINT, 130)
            assert up.ends() in (0, *died) or "Python runtime state:" in up.output, up.output
    took = time.monotonic() - began
    print(f"{restarts} restarts in {took:.1f} s")  # noqa: T201
    with project.up("--plain") as up:
        up.ready()
        until(lambda: len(Journal(tmp_path).entries()) > 4)
        assert ended_by(project, up, signal.SIGTERM) == 0
    rig = Harness(tmp_path)
    runs = rig.runs()
    rig.manager.shutdown()
    Journal(tmp_path).agrees_with(run for run in runs if run.state in FINAL or run.attempt)
    ticks = sorted(run.fire_time or 0 for run in runs if run.task_id == "tick")
    assert ticks == list(range(ticks[0], ticks[-1] + 1, 1_000_000))


def test_an_application_ends_with_its_own_signal(tmp_path: Path) -> None:
    project = Project(tmp_path, shutdown_grace=1)
    project.write("app.py", APPLICATION)
    words = [sys.executable, "-m", "uvicorn", "app:app", f"--port={free_port()}"]
    with program(project, *words) as application:
        until(lambda: project.has("begun"))
        began = time.monotonic()
        application.send_signal(signal.SIGTERM)
        application.wait(PATIENCE)
        print(f"uvicorn ended after {time.monotonic() - began:.2f} s")  # noqa: T201
        assert time.monotonic() - began < 3 + NOISE
    assert project.has("cut")
    assert not processes_of(project)
    nodes, runs = record_of(project)
    assert nodes[0].state == "stopped"
    assert runs["hold"].state is State.QUEUED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_by_hand_without_a_node(tmp_path: Path, number: signal.Signals) -> None:
    project = Project(tmp_path, NEVER, shutdown_grace=6)
    with program(project, ROTA, "run", "spin", "--wait") as alone:
        until(lambda: project.has("begun-spin"))
        began = time.monotonic()
        alone.send_signal(number)
        assert alone.wait(PATIENCE) == 1
        print(f"rota run ended after {time.monotonic() - began:.2f} s")  # noqa: T201
        assert time.monotonic() - began < 8 + NOISE
    assert not processes_of(project)
    nodes, runs = record_of(project)
    assert nodes[0].state == "stopped"
    assert (runs["spin"].state, runs["spin"].reason) == (State.CANCELLED, number.name)
