"""A node verifies what was written, and gives a hole its row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.time import MINUTE, SECOND, Instant
from rota.core.verification.findings import Code, Finding
from rota.diagnosis.attention import concerns
from rota.diagnosis.verified import report_in
from rota.testing import FakeClock, Harness, eventually

MINUTES = 6


async def noop() -> None:
    pass


def pass_minutes(rig: Harness, number: int) -> None:
    """Let minutes pass in which everything that is due runs."""
    for _ in range(number):
        before = len(rig.runs("tick"))
        rig.advance(60)
        rig.ended("tick", before + 1)


def lose(path: Path, instant: Instant) -> None:
    """Delete the row of an occurrence behind the back of everybody."""
    with closing(sqlite3.connect(path / "rota.db")) as connection, connection:
        deleted = connection.execute("DELETE FROM runs WHERE fire_time = ?", (instant,))
        assert deleted.rowcount == 1


def turn(rig: Harness) -> list[Finding] | None:
    engine = rig.manager.services.engine
    return engine.service_loop.call(lambda: engine.verifier.turn(again=0.0))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_sound_record_is_reported_as_sound(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "cron", "tick", minute="*")
        pass_minutes(rig, MINUTES)
        assert turn(rig) == []
        report = report_in(rig.manager.history.evidence.marks())
        assert report is not None
        assert (report.findings, report.at) == ([], clock.now())
        assert rig.manager.health()["status"] == "healthy"
        assert rig.manager.verify() == []


def test_a_hole_gets_its_row_and_is_reported(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "cron", "tick", minute="*")
        pass_minutes(rig, MINUTES)
        hole = clock.now() - 3 * MINUTE
        lose(tmp_path, hole)
        (seen,) = rig.manager.verify()
        assert (seen.code, seen.task_id, seen.at) == (Code.HOLE, "tick", hole)
        (found,) = turn(rig) or []
        assert found.is_mended
        (run,) = [run for run in rig.runs("tick") if run.fire_time == hole]
        assert (run.state, run.reason_code) == (State.MISSED, ReasonCode.HOLE)
        assert "has no row" in run.reason
        assert rig.manager.verify() == []
        health = rig.manager.health()
        assert health["status"] == "degraded"
        assert any("the record is not sound: tick" in reason for reason in health["reasons"])
        pass_minutes(rig, 61)
        assert rig.manager.health()["status"] == "healthy"


def test_many_holes_in_a_row_share_one(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "cron", "tick", minute="*")
        pass_minutes(rig, MINUTES)
        for number in (4, 3, 2):
            lose(tmp_path, clock.now() - number * MINUTE)
        turn(rig)
        (run,) = [run for run in rig.runs("tick") if run.state is State.MISSED]
        assert (run.fire_time, run.count) == (clock.now() - 4 * MINUTE, 3)
        assert rig.manager.verify() == []


def test_what_is_older_than_the_window_is_only_listed(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "cron", "tick", minute="*", catchup_window=60)
        pass_minutes(rig, MINUTES)
        lose(tmp_path, clock.now() - 3 * MINUTE)
        (found,) = turn(rig) or []
        assert not found.is_mended
        assert all(run.state is State.SUCCEEDED for run in rig.runs("tick"))
        tasks = rig.manager.list_tasks()
        (concern,) = concerns(rig.manager.history, tasks, (), clock.now())
        assert (concern.what, concern.task.id) == ("record not sound", "tick")
        assert concern.reason.text == found.text
        assert concern.reason.remedy == found.remedy


def test_one_node_at_a_time_verifies_the_record(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as one, Harness(tmp_path, clock) as other:
        for rig in (one, other):
            rig.manager.add_task(noop, "cron", "tick", minute="*")
        one.advance(60)
        one.ended("tick")
        turns = [turn(one), turn(other), turn(one)]
        assert turns == [[], None, None]
        clock.advance(601)
        eventually(lambda: turn(other) is not None)


def test_a_task_that_no_node_plans_is_detected(tmp_path: Path, clock: FakeClock) -> None:
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "interval", "silent", seconds=60)
        assert rig.manager.get_task("silent") is not None  # it is registered
        entry = rig.manager.services.engine.registry.get("silent")
        assert entry is not None
        entry.planned_until = clock.now() + 1000 * MINUTE  # as a mistake of ours might leave it
        rig.manager.services.engine.ticking.discard("silent")
        rig.manager.add_task(noop, "cron", "tick", minute="*")
        pass_minutes(rig, MINUTES)
        eventually(lambda: rig.manager.history.nodes()[0].seen_at > clock.now() - SECOND)
        (found,) = turn(rig) or []
        assert (found.task_id, found.code, found.is_mended) == ("silent", Code.HOLE, True)
        (run,) = rig.runs("silent")
        assert run.state is State.MISSED
        assert MINUTES - 2 <= run.count < MINUTES
