"""A long outage within one process: what waits for the ledger is bounded, and nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from rota.core import catchup
from rota.core.ports.records import NodeRecord
from rota.core.run import State
from rota.core.time import SECOND, to_datetime
from rota.core.trigger import LEAD
from rota.engine.planning.planner import _Batch as Batch
from rota.ledger.sqlite.database import SqliteFile
from rota.scheduling import DueTask
from rota.scheduling.heap_store import CROWD, EACH_MORE
from rota.testing import FakeClock, Harness, eventually
from tests.fault.effort import effort

logger = logging.getLogger(__name__)

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


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ledgers wait for a lock for a moment only."""
    monkeypatch.setattr(SqliteFile.__init__, "__kwdefaults__", {"busy_timeout": 0.2})


def reap(rig: Harness) -> None:
    """Look for nodes that are gone, now."""
    engine = rig.manager.services.engine
    engine.service_loop.call(engine.reaper.reap)


@pytest.mark.usefixtures("impatient")
def test_a_node_that_could_not_renew_its_lease_is_not_declared_gone(tmp_path: Path) -> None:
    with Harness(tmp_path, FakeClock(START), lease_seconds=10) as rig:
        engine, now = rig.manager.services.engine, rig.clock.now()
        other = NodeRecord("other", "b", "elsewhere", 1, "", 1, now, now, now + 10 * SECOND, "up")
        engine.ledger.write(lambda tx: tx.join(other)).result()

        def state() -> str:
            return next(one.state for one in rig.manager.history.nodes() if one.id == "other")

        with locked(tmp_path / "rota.db"):
            eventually(lambda: engine.gateway.trouble)
            rig.advance(60)
        eventually(lambda: engine.gateway.trouble is None)
        reap(rig)
        assert state() == "up"
        for _ in range(5):  # silence counts while somebody looks
            rig.advance(3)
            reap(rig)
        assert state() == "gone"


@pytest.mark.usefixtures("impatient")
def test_what_falls_due_meanwhile_is_kept_in_the_cursor_not_in_memory(tmp_path: Path) -> None:
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
            eventually(lambda: engine.gateway.trouble)
            let_pass(rig, 10)
            gc.collect()
            before = process.memory_info().rss >> 20, threading.active_count(), process.num_fds()
            let_pass(rig, SECONDS)
            gc.collect()
            after = process.memory_info().rss >> 20, threading.active_count(), process.num_fds()
            assert len(engine.planner._due) <= TASKS
            logger.info("MiB, threads, descriptors: %s, then %s", before, after)
            assert after[0] <= before[0] * 1.1 + 2
            assert after[1:] <= (before[1] + 1, before[2] + 1)
        eventually(lambda: engine.gateway.trouble is None)
        now = rig.clock.now()
        eventually(
            lambda: engine.planner.is_idle and not rig.manager.history.counts(now).busy,
            within=60,
        )
        for n in range(TASKS):
            runs = rig.runs(f"t{n}")
            since = [run for run in runs if run.fire_time is not None and run.fire_time > began]
            assert sum(run.count for run in since) == (now - began) // SECOND
            # As catchup="latest" says: one that was on time ran, and what was late was missed.
            assert State.SUCCEEDED in [run.state for run in since[-6:]]
            late = [run for run in since if (run.fire_time or 0) < now - catchup.ON_TIME]
            assert {run.state for run in late} == {State.MISSED}


def test_what_fell_due_at_the_end_of_one_life_is_planned_in_the_next(tmp_path: Path) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        engine = rig.manager.services.engine
        rig.manager.add_task(nothing, "interval", "t", seconds=1, catchup="all")
        let_pass(rig, 1)
        rig.ended()
        with locked(tmp_path / "rota.db"):
            let_pass(rig, 2)
            eventually(lambda: engine.planner._writes)
            rig.manager.shutdown(grace=0)
        assert not engine.in_flight.kept
        rig.manager.start()
        let_pass(rig, 2)
        eventually(lambda: engine.planner.is_idle and len(rig.runs("t")) >= 5)
        times = [run.fire_time or 0 for run in rig.runs("t")]
        assert sorted(times) == [min(times) + n * SECOND for n in range(len(times))]


def test_a_task_that_fell_due_twice_in_one_batch_is_planned_again_from_the_first(
    tmp_path: Path,
) -> None:
    rig = Harness(tmp_path, FakeClock(START))
    rig.manager.add_task(nothing, "interval", "t", seconds=1)
    planner, entry = (engine := rig.manager.services.engine).planner, engine.registry.get("t")
    assert entry is not None, "it was added"
    began, batch = entry.planned_until, Batch()
    for _ in range(2):  # the second tick comes while the batch is being made
        rig.fake_clock.advance(1)
        now = rig.clock.now()
        planner._add_rows(batch, entry, DueTask("t", now, now), now, None)
    assert len(batch.rows) == 2
    planner._plan_again(batch)  # as the ledger was away
    assert entry.planned_until == began


def test_what_could_not_be_recorded_does_not_keep_the_next_life_from_ending(
    tmp_path: Path,
) -> None:
    release = threading.Event()

    async def held() -> None:
        while not release.is_set():  # noqa: ASYNC110  # set from another thread
            await asyncio.sleep(0.01)

    with Harness(tmp_path) as rig:
        engine = rig.manager.services.engine
        rig.manager.add_task(held, "interval", "held", hours=1000)
        run_id = rig.manager.run_task("held")
        eventually(lambda: rig.manager.get_run(run_id).state is State.RUNNING)
        with locked(tmp_path / "rota.db"):
            release.set()
            eventually(lambda: engine.in_flight.going)
            assert not rig.manager.shutdown(grace=0)
        rig.manager.start()
        assert engine.recorder.is_idle


@pytest.mark.usefixtures("impatient")
def test_a_crowd_that_could_not_be_written_early_is_written_when_the_ledger_is_back(
    tmp_path: Path,
) -> None:
    more = 300
    lead = LEAD + more * EACH_MORE
    crowd = Harness(tmp_path, FakeClock(START))
    engine, instant = crowd.manager.services.engine, crowd.clock.now() + 60 * SECOND
    for n in range(CROWD + more):
        crowd.manager.add_task(nothing, "date", f"t{n}", run_date=to_datetime(instant))
    with crowd as rig:
        with locked(tmp_path / "rota.db"):
            rig.advance(60 - lead / SECOND)
            eventually(lambda: engine.gateway.trouble)
        eventually(lambda: len(rig.runs()) == more)
        rig.advance(lead / SECOND)
        runs = rig.ended(count=CROWD + more)
        assert len({run.task_id for run in runs}) == CROWD + more == len(runs)
        assert {(run.fire_time, run.state) for run in runs} == {(instant, State.SUCCEEDED)}
