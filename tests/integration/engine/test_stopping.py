"""A scheduler that is shut down, and started again."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from rota.core.run import State
from rota.testing import FakeClock, Harness, eventually


def succeed() -> None:
    """Do nothing."""


def test_shutdown_from_within_a_task_does_not_deadlock(tmp_path: Path) -> None:
    rig = Harness(tmp_path, shutdown_grace=1)
    rig.manager.add_task(lambda: rig.manager.shutdown(), "date", "stops", run_date="2030-01-01")
    rig.manager.start()
    rig.manager.run_task("stops")
    eventually(lambda: not rig.manager.running)


def test_handed_back_at_shutdown_and_run_again(tmp_path: Path) -> None:
    gate = threading.Event()

    async def long() -> str:
        await asyncio.to_thread(gate.wait, 30)
        return "done"

    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(long, "date", "long", run_date="2030-01-01")
        run_id = rig.manager.run_task("long")
        eventually(lambda: rig.manager.get_run(run_id).state is State.RUNNING)
    gate.set()
    with Harness(tmp_path, clock) as again:
        assert "handed back" in again.manager.get_run(run_id).reason
        again.manager.add_task(long, "date", "long", run_date="2030-01-01")
        eventually(lambda: again.manager.get_run(run_id).state is State.SUCCEEDED)
        run = again.manager.get_run(run_id)
        assert (run.attempt, run.failures, run.crashes) == (2, 0, 0)


def test_stop_is_safe_twice_and_unstarted(tmp_path: Path) -> None:
    rig = Harness(tmp_path)
    assert rig.manager.shutdown()
    rig.manager.start()
    rig.manager.start()
    started = time.monotonic()
    assert rig.manager.shutdown()
    assert rig.manager.shutdown()
    assert time.monotonic() - started < 20


def test_started_again_in_the_same_process_it_works_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Harness(tmp_path)
    rig.manager.add_task(succeed, "cron", "succeed", minute="*")
    for count in (1, 2, 3):
        with rig:
            rig.advance(60)
            rig.ended("succeed", count)
    assert [line for line in caplog.messages if "started again" in line] == []
