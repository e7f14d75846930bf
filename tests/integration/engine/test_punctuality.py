"""A run starts when its instant comes: never before, and decided by what is so at that moment."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import rota
from rota.core.run import Run, State
from rota.core.time import SECOND
from rota.core.trigger import LEAD
from rota.runtime.system_clock import SystemClock
from rota.testing import FakeClock, Harness, eventually


def test_code_never_starts_before_its_instant_and_its_row_is_there_by_then(tmp_path: Path) -> None:
    began: dict[str, int] = {}

    async def note() -> None:
        began[rota.current_run().id] = time.time_ns() // 1000

    with Harness(tmp_path, SystemClock()) as rig:
        for number in range(20):
            rig.manager.add_task(note, "cron", f"task-{number}", second="*")
        eventually(lambda: len(began) > 60)
    runs = rig.runs()
    rig.manager.shutdown()  # the reading opened the ledger again
    for run in runs:
        if run.id in began:
            assert run.fire_time is not None
            assert began[run.id] >= run.fire_time
            assert run.created_at <= began[run.id]
    early = [run for run in runs if run.fire_time and run.created_at < run.fire_time]
    assert early, "no row was written ahead of its instant"
    assert all(run.fire_time - run.created_at <= LEAD for run in early if run.fire_time)


def test_a_run_that_ends_just_before_the_next_instant_blocks_nothing(tmp_path: Path) -> None:
    gate, began = threading.Event(), threading.Semaphore(0)

    def waits() -> None:
        began.release()
        gate.wait(90)

    with Harness(tmp_path, FakeClock()) as rig:
        rig.manager.add_task(waits, "cron", "waits", minute="*")
        planner = rig.manager.services.engine.planner
        rig.advance(60)
        assert began.acquire(timeout=90)
        rig.advance(60 - LEAD / SECOND / 2)  # within the lead: the first one still runs
        eventually(lambda: rig.manager.services.engine.ticking.next_of("waits"))
        eventually(lambda: planner.is_idle)
        assert [run.state for run in rig.runs()] == [State.RUNNING]
        gate.set()
        # The next row may be there by now, claimed ahead of its instant.
        eventually(lambda: rig.runs()[0].state is State.SUCCEEDED)
        rig.advance(LEAD / SECOND / 2)
        assert began.acquire(timeout=90)
        assert [run.state for run in rig.ended(count=2)] == [State.SUCCEEDED] * 2


def test_each_retry_starts_at_its_own_time(tmp_path: Path) -> None:
    def fails() -> None:
        raise ValueError("again")

    with Harness(tmp_path, SystemClock()) as rig:
        for number, delay in enumerate((0.3, 0.8, 1.6)):
            rig.manager.add_task(
                fails, "date", f"fails-{number}", run_date="2100-01-01",
                retry_delay=delay, max_retries=1,
            )  # fmt: skip
            rig.manager.run_task(f"fails-{number}")
        runs = rig.ended(count=3)
    assert [lateness(rig, run) < 2.0 for run in runs] == [True] * 3, runs


def lateness(rig: Harness, run: Run) -> float:
    """Return by how many seconds the last attempt started after it was available."""
    assert run.attempt_started_at is not None
    return (run.attempt_started_at - run.available_at) / SECOND
