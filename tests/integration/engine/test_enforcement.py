"""Attempts that will not end are ended, on the real clock; their neighbours do not notice."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rota.core.run import Run, State
from rota.core.time import SECOND
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

IN_PROCESS = 4.0  # a worker process must have started by then, on a busy machine too
release = threading.Event()


async def swallows_cancellation() -> None:
    while not release.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue


async def blocks_the_loop() -> None:
    while not release.is_set():
        time.sleep(0.01)  # noqa: ASYNC251  # the mistake under test


def spins() -> None:
    while not release.is_set():
        pass


def has_children() -> None:
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    print(subprocess.Popen(child).pid, subprocess.Popen(child, start_new_session=True).pid)  # noqa: T201
    time.sleep(600)


def holds_the_interpreter() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


def freezes_everything() -> None:
    while not release.is_set():
        re.match(r"(a+)+$", "a" * 26 + "b")


async def quick() -> int:
    return 1


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    release.clear()
    rig = Harness(tmp_path, scheduler_thread_pool=1, process_pool=1, clock=SystemClock())
    with rig:
        yield rig
        release.set()


def timed_out(rig: Harness, func: Callable[..., Any], timeout: float = 0.5, **options: Any) -> Run:
    rig.manager.add_task(
        func, "date", "bad", run_date="2100-01-01", timeout=timeout, max_retries=0, **options
    )
    run_id = rig.manager.run_task("bad")
    eventually(lambda: rig.manager.get_run(run_id).state is State.FAILED)
    run = rig.manager.get_run(run_id)
    (attempt,) = rig.manager.history.attempts(run_id)
    assert attempt.outcome == "timed_out"
    assert run.reason == f"timed out after {timeout:g} s"
    assert timeout * 1e6 <= attempt.finished_at - attempt.started_at <= (timeout + 2) * 1e6
    return run


def still_works(rig: Harness, func: Callable[..., Any], **options: Any) -> None:
    rig.manager.add_task(func, "date", "good", run_date="2100-01-01", **options)
    run_id = rig.manager.run_task("good")
    eventually(lambda: rig.manager.get_run(run_id).state is State.SUCCEEDED)


def test_coroutine_that_swallows_cancellation(rig: Harness) -> None:
    timed_out(rig, swallows_cancellation)
    health = rig.manager.health()
    assert health["status"] == "degraded"
    assert health["stuck"][0]["task_id"] == "bad"
    assert "test_enforcement.py" in health["stuck"][0]["place"]
    still_works(rig, quick)
    release.set()
    eventually(lambda: rig.manager.health()["status"] == "healthy")


def test_coroutine_that_blocks_the_loop(rig: Harness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "rota.watchdog")
    timed_out(rig, blocks_the_loop)
    assert "The task loop has been blocked" in caplog.text
    assert "test_enforcement.py" in caplog.text
    still_works(rig, quick)


def test_thread_that_never_ends_is_replaced_and_never_overlaps_itself(rig: Harness) -> None:
    timed_out(rig, spins)
    still_works(rig, lambda: 1)
    waiting = rig.manager.run_task("bad")
    still_works(rig, lambda: 1)
    assert rig.manager.get_run(waiting).state is State.QUEUED
    release.set()
    eventually(lambda: rig.manager.get_run(waiting).state is State.SUCCEEDED)


def test_process_is_killed_with_its_children(rig: Harness) -> None:
    run = timed_out(rig, has_children, IN_PROCESS, executor="process")
    (line,) = rig.manager.history.logs(run.id)
    pids = [int(pid) for pid in line.text.split()]
    eventually(lambda: not any(_lives(pid) for pid in pids))
    still_works(rig, quick, executor="process")


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_thread_that_holds_the_interpreter_lock_beyond_its_time(rig: Harness, ends: str) -> None:
    def holds() -> None:
        ctypes.PyDLL(None).usleep(900_000)  # nobody can tell it to stop meanwhile
        if ends == "raises":
            raise ValueError

    timed_out(rig, holds, timeout=0.3)


def test_process_that_holds_the_interpreter_lock(rig: Harness) -> None:
    timed_out(rig, holds_the_interpreter, IN_PROCESS, executor="process")
    still_works(rig, quick, executor="process")


def test_thread_that_freezes_the_interpreter_is_named_afterwards(
    rig: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "rota.watchdog")
    rig.manager.add_task(freezes_everything, "date", "freezes", run_date="2100-01-01")
    rig.manager.run_task("freezes")
    eventually(lambda: "the whole interpreter stood still for" in caplog.text, within=60)
    release.set()
    assert "freezes at" in caplog.text


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_no_other_node_starts_a_task_beside_its_stuck_thread(tmp_path: Path) -> None:
    release.clear()
    begun: list[str] = []

    def deaf() -> None:
        begun.append(threading.current_thread().name)
        release.wait(60)

    first, second = (
        Harness(tmp_path, SystemClock(), node=name, lease_seconds=2) for name in ("one", "two")
    )
    for one in (first, second):
        one.manager.add_task(
            deaf, "interval", "deaf", hours=1000, timeout=0.2, max_retries=1, retry_delay=2
        )
    with first:
        run_id = first.manager.run_task("deaf")
        eventually(lambda: begun)
        with second:
            there = second.manager.services.engine
            eventually(lambda: there.stuck.elsewhere)
            assert " on node one" in there.stuck.elsewhere["deaf"]
            due = first.manager.get_run(run_id).available_at
            eventually(lambda: there.clock.now() > due + SECOND)
            assert len(begun) == 1
            release.set()
            eventually(lambda: first.manager.get_run(run_id).state is State.SUCCEEDED)
