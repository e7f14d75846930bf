"""Worker processes that die in the middle of a task: quarantined after three, nobody else hurt."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rota.core.outcome import OutcomeKind
from rota.core.run import State
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

QUICK = {"retry_delay": 0.05, "max_retries": 1}


def be_killed() -> None:
    children = [sys.executable, "-c", "import time; time.sleep(600)"]
    pid = subprocess.Popen(children, start_new_session=True).pid
    with Path("children").open("a") as file:
        file.write(f"{pid}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def point_nowhere() -> None:
    ctypes.string_at(1)


def leave() -> None:
    os._exit(7)


def eat() -> None:
    """Take memory until there is none, under a limit that this worker gets."""
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    held = []
    while True:
        held.append(bytearray(1 << 20))


def neighbour() -> int:
    time.sleep(0.05)
    return os.getpid()


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    monkeypatch.chdir(tmp_path)
    with Harness(tmp_path, clock=SystemClock(), process_pool=3) as rig:
        rig.manager.add_task(
            neighbour, "interval", "neighbour", seconds=1, executor="process", max_retries=0
        )
        yield rig


def ended(rig: Harness, task_id: str) -> str:
    run_id = rig.manager.run_task(task_id)
    eventually(lambda: rig.manager.get_run(run_id).state is State.FAILED, within=60)
    return run_id


def test_a_task_that_kills_its_worker_each_time_is_quarantined(rig: Harness) -> None:
    words = {be_killed: "SIGKILL", point_nowhere: "SIGSEGV", leave: "exited with code 7"}
    for func in words:
        rig.manager.add_task(
            func, "date", func.__name__, run_date="2100-01-01", executor="process", **QUICK
        )
    for func, word in words.items():
        for _ in range(2 if func is leave else 1):  # the next run is judged by itself
            run = rig.manager.get_run(ended(rig, func.__name__))
            assert (run.attempt, run.crashes, run.failures) == (3, 3, 0)
            assert run.reason.startswith("quarantined after 3 crashes (max_crashes=3)")
            assert word in run.reason
            outcomes = [one.outcome for one in rig.manager.history.attempts(run.id)]
            assert outcomes == [OutcomeKind.CRASHED] * 3
    _unharmed(rig)
    pids = [int(pid) for pid in Path("children").read_text().split()]
    assert len(pids) == 3
    eventually(lambda: not any(map(_lives, pids)))


def test_runs_that_each_kill_their_worker_pause_their_task(rig: Harness) -> None:
    rig.manager.add_task(leave, "interval", "again", seconds=1, executor="process", on_crash="lose")
    eventually(lambda: _paused_for(rig, "again"), within=60)
    assert "died 3 times in a row" in _paused_for(rig, "again")
    _unharmed(rig)
    lost = [run for run in rig.runs("again") if run.attempt]
    assert [run.state for run in lost] == [State.LOST] * 3


def test_memory_that_ran_out_fails_the_attempt_and_nothing_else(rig: Harness) -> None:
    rig.manager.add_task(eat, "date", "eat", run_date="2100-01-01", executor="process", **QUICK)
    run = rig.manager.get_run(ended(rig, "eat"))
    kinds = {one.outcome for one in rig.manager.history.attempts(run.id)}
    assert kinds <= {OutcomeKind.FAILED, OutcomeKind.CRASHED}, run.reason
    _unharmed(rig)


def _paused_for(rig: Harness, task_id: str) -> str:
    task = rig.manager.get_task(task_id)
    return task.pause_reason if task is not None and task.paused else ""


def _unharmed(rig: Harness) -> None:
    before = len(rig.runs("neighbour"))
    eventually(lambda: len(rig.runs("neighbour")) > before + 1)
    eventually(lambda: not [run for run in rig.runs("neighbour") if run.state is State.RUNNING])
    states = {run.state for run in rig.runs("neighbour")}
    assert State.SUCCEEDED in states
    assert states <= {State.SUCCEEDED, State.SKIPPED, State.QUEUED, State.RUNNING}


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
