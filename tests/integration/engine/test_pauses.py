"""Pauses by task, tag and all on a node: what is planned during them and after them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rota.core.run import State
from rota.core.task import TaskStatus
from rota.core.time import MINUTE, to_datetime
from rota.errors import DefinitionError
from rota.testing import Harness, eventually


async def work() -> None:
    pass


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as rig:
        for name, tags in (("a", ["db"]), ("b", ["db", "slow"]), ("c", [])):
            rig.manager.add_task(work, "interval", name, minutes=1, tags=tags)
        yield rig


def tick(rig: Harness, minutes: int = 1) -> None:
    """Move on minute by minute; wait until what runs has ended."""
    for _ in range(minutes):
        count = len(rig.runs("c")) + 1
        rig.advance(60)
        rig.ended("c", count)
        eventually(lambda: rig.manager.services.engine.planner.is_idle)
        eventually(lambda: all(run.finished_at for run in rig.runs()))


def counts(rig: Harness) -> list[int]:
    """Return how many runs each of the three tasks has."""
    return [len(rig.runs(id)) for id in "abc"]


def status(rig: Harness, id: str) -> TaskStatus:
    task = rig.manager.get_task(id)
    assert task is not None
    return task.status


def test_tasks_with_a_paused_tag_are_not_planned_until_every_pause_ends(rig: Harness) -> None:
    rig.manager.pause_task(tag="db", reason="migration")
    rig.manager.pause_task("a", reason="broken")
    tick(rig, 2)
    eventually(lambda: counts(rig) == [0, 0, 2])
    rig.manager.resume_task(tag="db")
    tick(rig, 2)
    eventually(lambda: counts(rig) == [0, 2, 4])
    assert (status(rig, "a"), status(rig, "b")) == (TaskStatus.PAUSED, TaskStatus.SCHEDULED)
    rig.manager.resume_task("a")
    tick(rig)
    eventually(lambda: counts(rig) == [1, 3, 5])
    assert rig.manager.verify() == []


def test_a_paused_task_is_seen_with_all_that_holds_it_and_starts_by_hand(rig: Harness) -> None:
    rig.manager.pause_task(all=True, reason="quiet", until=to_datetime(rig.clock.now() + MINUTE))
    rig.manager.pause_task("a")
    task = rig.manager.get_task("a")
    assert task is not None
    assert [(one.held, one.reason) for one in task.pauses] == [("all", "quiet"), ("task", "")]
    assert (task.tags, task.pause_reason) == (("db",), "all tasks: quiet")
    assert [one.held for one in rig.manager.list_pauses()] == ["all"]
    assert rig.manager.list_tags() == {"db": 2, "slow": 1}
    rig.manager.run_task("a")
    (run,) = rig.ended("a")
    assert run.state is State.SUCCEEDED


def test_what_fell_into_a_pause_is_caught_up_if_that_is_asked_for(rig: Harness) -> None:
    tick(rig)
    for id, catchup in (("d", "all"), ("e", "latest")):
        rig.manager.add_task(work, "interval", id, minutes=1, catchup=catchup, tags=["late"])
    rig.manager.pause_task(tag="late")
    tick(rig, 3)
    assert rig.runs("d") == rig.runs("e") == []
    rig.manager.resume_task(tag="late", catch_up=True)
    assert [run.state for run in rig.ended("d", 3)] == [State.SUCCEEDED] * 3
    eventually(lambda: State.SUCCEEDED in {run.state for run in rig.runs("e")})
    assert sum(run.count for run in rig.runs("e")) == 3
    tick(rig)
    assert len(rig.ended("d", 4)) == 4
    assert rig.manager.verify() == []


def test_a_task_pauses_itself_after_so_many_failed_runs(rig: Harness) -> None:
    async def fails() -> None:
        raise ValueError("no disk")

    rig.manager.add_task(fails, "interval", "d", minutes=1, max_retries=0, pause_after_failures=2)
    tick(rig, 2)
    eventually(lambda: status(rig, "d") is TaskStatus.PAUSED)
    tick(rig, 2)
    assert [run.state for run in rig.runs("d")] == [State.FAILED] * 2
    task = rig.manager.get_task("d")
    assert task is not None
    assert task.status is TaskStatus.PAUSED
    assert task.pause_reason == (
        "the last 2 runs failed (pause_after_failures=2): ValueError: no disk"
    )


@pytest.mark.parametrize("what", [{}, {"id": "a", "tag": "db"}, {"tag": "db", "all": True}])
def test_what_to_pause_is_one_of_three(rig: Harness, what: Any) -> None:
    for verb in (rig.manager.pause_task, rig.manager.resume_task):
        with pytest.raises(DefinitionError, match="name a task, a tag, or all tasks"):
            verb(**what)


def test_an_end_that_has_passed_is_refused(rig: Harness) -> None:
    past = to_datetime(rig.clock.now()) - timedelta(minutes=1)
    with pytest.raises(DefinitionError, match="is past"):
        rig.manager.pause_task(tag="db", until=past)
