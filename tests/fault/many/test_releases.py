"""Two releases of the same code, or different code, on one ledger at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rota.core.run import State
from rota.core.time import DAY, SECOND, Instant, to_datetime
from rota.errors import UnknownTaskError
from rota.testing import FakeClock, Harness, eventually

DAY_IN_SECONDS = DAY / SECOND


def work() -> None:
    pass


def started(rig: Harness, **trigger: object) -> None:
    """Start a node whose release fires the task at these times."""
    rig.manager.add_task(work, "interval", "work", overlap="allow", catchup="all", **trigger)
    rig.manager.start()


def fired(rig: Harness) -> list[Instant]:
    """Return the instants of which there is a row."""
    return [run.fire_time for run in rig.runs("work") if run.fire_time is not None]


def planned(rig: Harness, *instants: Instant) -> None:
    """Wait until there is a row for each of these."""
    eventually(lambda: set(instants) <= set(fired(rig)), what=f"{fired(rig)}, not {instants}")


def test_a_node_whose_clock_is_ahead_cuts_nothing_off_from_another_release(tmp_path: Path) -> None:
    old, new = Harness(tmp_path, node="old"), Harness(tmp_path, node="new")
    with old, new:
        start = old.clock.now()
        started(old, seconds=10)
        new.fake_clock.advance(90)
        started(new, seconds=7)
        old.manager.services.engine.refresh()
        for _ in range(10):
            old.advance(10)
            planned(old, old.clock.now())
        ten = [start + n * 10 * SECOND for n in range(1, 11)]
        assert len(fired(old)) == len(set(fired(old)))
        assert set(ten) <= set(fired(old))


def test_each_release_restarted_in_turn_moves_no_interval(tmp_path: Path) -> None:
    clock = FakeClock()
    start = clock.now()
    for turn in range(6):
        with Harness(tmp_path, clock, node=f"n{turn}") as rig:
            started(rig, hours=1) if turn % 2 else started(rig, minutes=60, seconds=0.5)
            rig.advance(20 * 60)
    with Harness(tmp_path, clock) as rig:
        started(rig, hours=1)
        assert [at - start for at in fired(rig)][-1:] == [2 * 3600 * SECOND]


def test_the_cursor_is_that_of_the_release_that_was_started_last(tmp_path: Path) -> None:
    clock = FakeClock()
    start = clock.now()
    old, new = Harness(tmp_path, clock, node="old"), Harness(tmp_path, clock, node="new")
    with old:
        started(old, seconds=1)
        with new:
            started(new, seconds=60.5)
        old.manager.services.engine.refresh()
        for _ in range(61):
            old.advance(1)
            planned(old, clock.now())
        again = Harness(tmp_path, clock, node="new")
        with again:
            started(again, seconds=60.5)
            planned(again, start + round(60.5 * SECOND))


def test_a_task_whose_code_is_gone_is_kept_unresolved_and_forgotten_after_its_retention(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as before:
        started(before, hours=1)
        before.advance(3600)
        [run] = before.ended("work")
    with Harness(tmp_path, clock, node="elsewhere") as after:
        waits = after.manager.run_task("work")
        for _ in range(29):
            after.advance(DAY_IN_SECONDS)
            assert forgotten(after) == []
        task = after.manager.get_task("work")
        assert task is not None
        assert (task.status, task.last_run) == ("unresolved", to_datetime(run.started_at or 0))
        assert after.manager.get_run(waits).state is State.QUEUED
        after.advance(2 * DAY_IN_SECONDS)
        assert forgotten(after) == ["work"]
        assert after.manager.get_task("work") is None
        assert after.manager.get_run(waits).state is State.MISSED
        assert "no node has known its task since" in after.manager.get_run(waits).reason
        with pytest.raises(UnknownTaskError):
            after.manager.run_task("work")


def test_what_a_node_knows_is_not_forgotten_however_long_it_runs(tmp_path: Path) -> None:
    with Harness(tmp_path, retention_days=1) as rig:
        rig.manager.add_task(work, "date", "work", run_date=datetime(2100, 1, 1, tzinfo=UTC))
        rig.manager.pause_task("work", reason="kept")
        other = Harness(tmp_path, rig.clock, node="elsewhere", retention_days=1)
        with other:
            for _ in range(40):
                rig.advance(DAY_IN_SECONDS)
                assert forgotten(rig) == forgotten(other) == []
            other.advance(40 * DAY_IN_SECONDS)  # both were suspended
            assert forgotten(rig) == []
        task = rig.manager.get_task("work")
        assert task is not None
        assert task.pause_reason == "kept"


def forgotten(rig: Harness) -> list[str]:
    """Have a node do what it does every hour."""
    engine = rig.manager.services.engine
    return engine.service_loop.call(engine.pruner.forget_tasks)
