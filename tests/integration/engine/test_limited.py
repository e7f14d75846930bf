"""What waits for a limit is bounded, and whoever asks is told which limit it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rota.core.run import State
from rota.core.task import LIMITED_QUEUE
from rota.testing import Harness, eventually

release = threading.Event()


def hold() -> None:
    release.wait(60)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    release.clear()
    with Harness(tmp_path, scheduler_thread_pool=4) as rig:
        yield rig
        release.set()


def states(rig: Harness, state: State) -> list[str]:
    return [run.reason for run in rig.runs("report") if run.state is state]


def _are_there(rig: Harness, count: int) -> bool:
    return len(rig.runs("report")) >= count


def crowd(rig: Harness, seconds: int, **options: Any) -> None:
    """A task that falls due each second and never ends, for so many seconds."""
    rig.manager.add_task(hold, "interval", "report", seconds=1, overlap="allow", **options)
    rig.manager.services.engine.settle_registrations()
    for second in range(1, seconds + 1):
        rig.advance(1)
        eventually(partial(_are_there, rig, second))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_running": 1}, "max_running=1"),
        ({"rate": "1/h"}, "rate=1/h"),
        ({"group": "db"}, "group=db"),
    ],
)
def test_queue_limit_bounds_what_waits_for_a_limit(
    rig: Harness, limit: dict[str, Any], said: str
) -> None:
    crowd(rig, 8, queue_limit=2, **limit)
    assert len(states(rig, State.QUEUED)) == 2
    skipped = states(rig, State.SKIPPED)
    assert len(skipped) >= 4
    assert {said in reason and "queue_limit=2" in reason for reason in skipped} == {True}


def test_a_queue_without_a_limit_of_its_own_is_bounded(rig: Harness) -> None:
    crowd(rig, 4, max_running=1)
    assert not states(rig, State.SKIPPED)
    entry = rig.manager.services.engine.registry.get("report")
    assert entry is not None
    assert entry.policy.most_waiting == LIMITED_QUEUE


def test_health_names_the_limit_and_blames_no_slots(rig: Harness) -> None:
    crowd(rig, 3, max_running=1)
    rig.advance(45)
    report = rig.manager.health()
    (told,) = [reason for reason in report["reasons"] if "report" in reason]
    assert "1 of 1 running, max_running=1" in told
    assert "slots" not in told
    assert report["oldest_due"]["why"] == told


def test_health_blames_the_slots_that_are_taken(rig: Harness) -> None:
    crowd(rig, 6)
    rig.advance(45)
    report = rig.manager.health()
    assert report["status"] == "degraded"
    assert any("all 4 slots for thread are taken" in reason for reason in report["reasons"])


def test_health_names_the_run_that_is_in_the_way(rig: Harness) -> None:
    rig.manager.add_task(hold, "date", "alone", run_date="2100-01-01")
    rig.manager.run_task("alone")
    eventually(lambda: len(rig.manager.services.engine.in_flight) == 1)
    rig.manager.run_task("alone")
    rig.advance(45)
    told = [reason for reason in rig.manager.health()["reasons"] if "alone" in reason]
    assert "its run started manually is still running" in told[0]
