"""`/health` says after 5 seconds that a run could start and was not, and nothing it cannot know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rota.core.role import Role
from rota.core.run import State
from rota.testing import FakeClock, Harness, eventually


async def work() -> None:
    """Do nothing."""


def leave_a_waiting_run(directory: Path, clock: FakeClock, **options: Any) -> None:
    """Have a run wait that no node has looked at."""
    rig = Harness(directory, clock)
    rig.manager.add_task(work, "date", "work", run_date="2100-01-01", **options)
    rig.manager.start(role=Role.SCHEDULER)
    rig.manager.run_task("work")
    rig.manager.shutdown()


def hide(directory: Path) -> None:
    """Hide what waits from those who look for what may start."""
    with closing(sqlite3.connect(directory / "rota.db", isolation_level=None)) as database:
        database.execute("UPDATE runs SET priority = x'00'")


def reasons(rig: Harness) -> list[str]:
    """Return what is said of the task's runs."""
    return [one for one in rig.manager.health()["reasons"] if one.startswith("task work")]


def test_what_could_start_and_was_not_is_told_after_five_seconds(tmp_path: Path) -> None:
    clock = FakeClock()
    leave_a_waiting_run(tmp_path, clock)
    hide(tmp_path)
    rig = Harness(tmp_path, clock)
    rig.manager.add_task(work, "date", "work", run_date="2100-01-01")
    with rig:
        rig.advance(4.5)
        assert reasons(rig) == []
        rig.advance(1)
        text = "task work: 1 run waits for 6 s: a slot is free, and no node has started it yet"
        assert eventually(lambda: reasons(rig)) == [text]
        assert rig.manager.health()["status"] == "degraded"


@pytest.mark.parametrize(("role", "options"), [(Role.SCHEDULER, {}), (Role.ALL, {"queue": "far"})])
def test_a_run_that_no_node_serves_is_reported_with_that_reason(
    tmp_path: Path, role: Role, options: dict[str, Any]
) -> None:
    clock = FakeClock()
    leave_a_waiting_run(tmp_path, clock, **options)
    rig = Harness(tmp_path, clock, cluster={"queues": ["default"]})
    rig.manager.add_task(work, "date", "work", run_date="2100-01-01", **options)
    rig.manager.start(role=role)
    rig.advance(29)
    assert reasons(rig) == []
    rig.advance(2)
    queue = options.get("queue", "default")
    text = (
        f"task work: 1 run waits for 31 s: no node that is up runs what is in its queue {queue!r}"
    )
    assert reasons(rig) == [text]
    rig.manager.shutdown(grace=0)


def test_a_node_that_takes_no_more_raises_no_alarm(tmp_path: Path) -> None:
    clock = FakeClock()
    leave_a_waiting_run(tmp_path, clock)
    hide(tmp_path)
    rig = Harness(tmp_path, clock)
    rig.manager.add_task(work, "date", "work", run_date="2100-01-01")
    with rig:
        rig.manager.services.engine.capacity.accepting = False  # as while it stops
        rig.advance(6)
        assert reasons(rig) == []


def test_what_waits_for_its_own_task_is_no_trouble(tmp_path: Path) -> None:
    rig = Harness(tmp_path)
    rig.manager.add_task(work, "date", "work", run_date="2100-01-01", rate="1/h")
    with rig:
        first, second = rig.manager.run_many("work", [{}, {}])
        eventually(lambda: rig.manager.get_run(first).state is State.SUCCEEDED)
        rig.advance(31)
        assert rig.manager.get_run(second).state is State.QUEUED
        [why] = reasons(rig)
        assert "spread by rate=1/h" in why
        eventually(lambda: rig.manager.health()["status"] == "healthy")
