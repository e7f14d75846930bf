"""Every occurrence is inside exactly one row, also if it could not run."""

from __future__ import annotations

import threading
from pathlib import Path

from rota.core.run import State
from rota.testing import FakeClock, Harness, eventually


async def tick() -> None:
    pass


def test_an_occurrence_is_skipped_while_the_run_before_it_is_still_going_on(
    tmp_path: Path,
) -> None:
    gate = threading.Event()

    def busy() -> None:
        gate.wait(60)

    with Harness(tmp_path) as harness:
        harness.manager.add_task(busy, "cron", "busy", minute="*")
        harness.advance(60)
        eventually(lambda: [run.state for run in harness.runs()] == [State.RUNNING])
        harness.advance(60)
        eventually(lambda: len(harness.runs()) == 2)
        gate.set()
        first, second = harness.ended("busy", count=2)
    assert (first.state, second.state) == (State.SUCCEEDED, State.SKIPPED)
    assert "the run of 2024-01-01T00:01:00Z was still running" in second.reason


def test_with_overlap_queue_it_waits_for_its_turn(tmp_path: Path) -> None:
    gate = threading.Event()

    def busy() -> None:
        gate.wait(60)

    with Harness(tmp_path) as harness:
        harness.manager.add_task(busy, "cron", "busy", minute="*", overlap="queue")
        harness.advance(60)
        eventually(lambda: [run.state for run in harness.runs()] == [State.RUNNING])
        harness.advance(60)
        eventually(lambda: [run.state for run in harness.runs()][1:] == [State.QUEUED])
        gate.set()
        runs = harness.ended("busy", count=2)
    assert [run.state for run in runs] == [State.SUCCEEDED, State.SUCCEEDED]


def test_after_a_downtime_the_latest_occurrence_runs_and_the_others_are_missed(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute=0)
    clock.advance(5 * 3600 + 60)
    with Harness(tmp_path, clock) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute=0)
        eventually(lambda: any(run.state is State.SUCCEEDED for run in harness.runs()))
        runs = harness.ended("tick")
    assert [run.state for run in runs if run.state is State.SUCCEEDED] == [State.SUCCEEDED]
    assert sum(run.count for run in runs) == 5


def test_with_catchup_all_each_of_them_runs_oldest_first(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute=0, catchup="all")
    clock.advance(5 * 3600 + 60)
    with Harness(tmp_path, clock) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute=0, catchup="all")
        runs = harness.ended("tick", count=5)
    assert [run.state for run in runs] == [State.SUCCEEDED] * 5


def test_a_paused_task_does_not_run_and_is_not_caught_up(tmp_path: Path) -> None:
    with Harness(tmp_path) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute="*")
        harness.manager.pause_task("tick", reason="maintenance")
        harness.advance(180)
        harness.manager.resume_task("tick")
        harness.advance(60)
        runs = harness.ended("tick")
    assert [run.fire_time for run in runs] == [harness.clock.now()]


def test_the_next_occurrence_alone_can_be_skipped(tmp_path: Path) -> None:
    with Harness(tmp_path) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute="*")
        harness.manager.skip_next("tick", reason="the shop is closed")
        harness.advance(60)
        harness.ended("tick")
        harness.advance(60)
        first, second = harness.ended("tick", count=2)
    assert (first.state, second.state) == (State.SKIPPED, State.SUCCEEDED)
    assert "the shop is closed" in first.reason
