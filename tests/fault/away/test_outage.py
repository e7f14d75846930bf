"""A long outage within one process: what waits for the ledger is bounded, and nothing is lost."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from rota.core import catchup
from rota.core.run import State
from rota.ledger.sqlite import SqliteFile
from rota.testing import FakeClock, Harness, eventually
from tests.fault.effort import effort

TASKS = 200
SECONDS = effort(120, 3600)
START = datetime(2100, 1, 1, tzinfo=UTC)  # later than this process: it is not to look dead


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock for writing."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def let_pass(rig: Harness, seconds: int) -> None:
    """Let the time pass second by second, each with its tick."""
    ticking = rig.manager.services.engine.ticking
    for _ in range(seconds):
        rig.advance(1)
        eventually(lambda: ticking.tick_age() == 0)


async def nothing() -> None:
    pass


def test_what_falls_due_meanwhile_is_kept_in_the_cursor_not_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteFile.__init__, "__kwdefaults__", {"busy_timeout": 0.2})
    with Harness(tmp_path, FakeClock(START)) as rig:
        engine = rig.manager.services.engine
        for n in range(TASKS):
            rig.manager.add_task(nothing, "interval", f"t{n}", seconds=1)
        let_pass(rig, 1)
        rig.ended(count=TASKS)
        began = rig.clock.now()
        process = psutil.Process()
        with locked(tmp_path / "rota.db"):
            let_pass(rig, 1)
            eventually(lambda: engine.writing.trouble)
            let_pass(rig, 10)
            gc.collect()
            before = process.memory_info().rss >> 20, threading.active_count(), process.num_fds()
            let_pass(rig, SECONDS)
            gc.collect()
            after = process.memory_info().rss >> 20, threading.active_count(), process.num_fds()
            assert len(engine.planner._due) <= TASKS
            print(f"{TASKS} tasks, {SECONDS} s: MiB, threads, descriptors: {before}, then {after}")
            assert after[0] <= before[0] * 1.1 + 2
            assert after[1:] <= (before[1] + 1, before[2] + 1)
        eventually(lambda: engine.writing.trouble is None)
        now = rig.clock.now()
        eventually(
            lambda: engine.planner.is_idle and not rig.manager.history.counts(now).busy,
            within=60,
        )
        for n in range(TASKS):
            runs = rig.runs(f"t{n}")
            since = [run for run in runs if run.fire_time is not None and run.fire_time > began]
            assert sum(run.count for run in since) == (now - began) // 1_000_000
            # As catchup="latest" says: one that was on time ran, and what was late was missed.
            assert State.SUCCEEDED in [run.state for run in since[-6:]]
            late = [run for run in since if (run.fire_time or 0) < now - catchup.ON_TIME]
            assert {run.state for run in late} == {State.MISSED}
