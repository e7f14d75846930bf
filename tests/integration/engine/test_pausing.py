"""Tasks that are paused or disabled, and occurrences that are skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rota.core.run import State
from rota.core.time import MINUTE
from rota.errors import StateError, UnknownTaskError
from rota.testing import FakeClock, Harness, eventually

START = datetime(2024, 1, 1, tzinfo=UTC)


def succeed() -> None:
    """Do nothing."""


def test_pause_survives_a_restart_and_is_not_caught_up(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.manager.pause_task("succeed", reason="deploy")
        rig.advance(120)
    with Harness(tmp_path, clock) as again:
        again.manager.add_task(succeed, "cron", "succeed", minute="*")
        task = again.manager.get_task("succeed")
        assert task is not None
        assert (task.status, task.pause_reason, task.next_run) == ("paused", "deploy", None)
        again.advance(120)
        again.manager.resume_task("succeed")
        again.advance(60)
        assert len(again.ended("succeed")) == 1


def test_pause_until(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.manager.pause_task("succeed", until=datetime(2024, 1, 1, 0, 5, tzinfo=UTC))
        task = rig.manager.get_task("succeed")
        assert task is not None
        assert task.next_run == datetime(2024, 1, 1, 0, 5, tzinfo=UTC)
        rig.advance(5 * 60)
        (run,) = rig.ended("succeed")
        assert run.fire_time == rig.clock.now()


def test_a_skipped_occurrence_is_started_by_no_node(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock, node="a") as rig, Harness(tmp_path, clock, node="b") as other:
        for one in (rig, other):
            one.manager.add_task(succeed, "cron", "succeed", minute="*")
        assert rig.manager.skip_next("succeed") == START + timedelta(minutes=1)
        assert rig.manager.skip_next("succeed", reason="painters") == START + timedelta(minutes=2)
        eventually(lambda: next_run(other) == START + timedelta(minutes=3))
        assert next_run(rig) == START + timedelta(minutes=3)
        clock.advance(180)
        for one in (rig, other):
            one.manager.services.engine.poke()
        runs = rig.ended("succeed", 3)
    assert [(run.state, run.reason) for run in runs] == [
        (State.SKIPPED, "skipped manually"),
        (State.SKIPPED, "skipped manually: painters"),
        (State.SUCCEEDED, ""),
    ]
    assert [run.fire_time for run in runs] == [clock.now() - left * MINUTE for left in (2, 1, 0)]


def test_a_skip_survives_a_downtime_and_is_not_caught_up(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", hour="*", catchup="all")
        rig.manager.skip_next("succeed")
    with Harness(tmp_path, clock) as again:
        again.manager.add_task(succeed, "cron", "succeed", hour="*", catchup="all")
        assert next_run(again) == START + timedelta(hours=2)
    clock.advance(2 * 3600)
    with Harness(tmp_path, clock) as later:
        later.manager.add_task(succeed, "cron", "succeed", hour="*", catchup="all")
        runs = later.ended("succeed", 2)
    assert [run.state for run in runs] == [State.SKIPPED, State.SUCCEEDED]


def test_only_what_is_planned_can_be_skipped(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", hour="*")
        with pytest.raises(StateError, match="that of 2024-01-01T01:00:00"):
            rig.manager.skip_next("succeed", at=START + timedelta(hours=2))
        rig.manager.pause_task("succeed")
        with pytest.raises(StateError, match="the task is paused"):
            rig.manager.skip_next("succeed")
        with pytest.raises(UnknownTaskError, match="no task"):
            rig.manager.skip_next("suceed")
        assert rig.runs() == []


def next_run(rig: Harness) -> datetime | None:
    task = rig.manager.get_task("succeed")
    return task.next_run if task else None


def test_disabled_task_never_fires_and_runs_by_hand(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*", enabled=False)
        rig.advance(120)
        run_id = rig.manager.run_task("succeed")
        (run,) = rig.ended("succeed")
        assert (run.id, run.cause, run.fire_time) == (run_id, "manual", None)
