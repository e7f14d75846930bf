"""Tasks that run after others, from their code to the record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rota
from rota.core.run import State
from rota.core.task import TaskStatus
from rota.testing import Harness


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as rig:
        yield rig


async def extract() -> dict[str, int]:
    return {"rows": 7}


async def fails() -> None:
    raise ValueError("no such table")


async def loads() -> Any:
    before = rota.current_run().upstream["extract"]
    return [before.id, before.state, str(before.fire_time), before.result]


def loads_in_a_thread() -> Any:
    return asyncio.run(loads())


@pytest.mark.parametrize("func", [loads, loads_in_a_thread])
def test_the_result_of_an_upstream_run_is_handed_on(rig: Harness, func: Any) -> None:
    rig.manager.add_task(extract, "interval", "extract", seconds=10)
    rig.manager.add_task(func, "after", "load", tasks=["extract"])

    rig.advance(10)

    (upstream,), (run,) = rig.ended("extract"), rig.ended("load")
    assert run.state is State.SUCCEEDED, run.reason
    assert run.fire_time == upstream.fire_time
    fire_time = rig.manager.get_run(upstream.id).fire_time
    assert run.result == [upstream.id, "succeeded", run.result[2], {"rows": 7}]
    assert run.result[2].startswith("20")
    assert fire_time is not None
    assert rig.manager.verify() == []


def test_a_failure_starts_the_task_that_waits_for_one(rig: Harness) -> None:
    rig.manager.add_task(fails, "interval", "extract", seconds=10, max_retries=0)
    rig.manager.add_task(loads, after="extract", id="load")
    rig.manager.add_task(loads, "after", "alert", tasks="extract", on="failure")

    rig.advance(10)

    (alert,) = rig.ended("alert")
    assert (alert.state, alert.result[1]) == (State.SUCCEEDED, "failed")
    (skipped,) = rig.ended("load")
    assert (skipped.state, skipped.reason_code) == (State.SKIPPED, "upstream")
    assert rig.manager.verify() == []


def test_a_task_after_others_is_never_due_by_itself(rig: Harness) -> None:
    rig.manager.add_task(extract, id="extract")
    rig.manager.add_task(loads, after="extract", id="load")

    rig.advance(100_000)

    task = rig.manager.get_task("load")
    assert task is not None
    assert (task.next_run, task.status) == (None, TaskStatus.READY)
    assert list(rig.manager.runs(task_id="load")) == []


def test_a_manual_start_of_a_task_starts_the_tasks_after_it(rig: Harness) -> None:
    rig.manager.add_task(extract, id="extract")
    rig.manager.add_task(loads, after="extract", id="load")

    run_id = rig.manager.run_task("extract")

    (run,) = rig.ended("load")
    assert run.result[0] == run_id
    assert (run.fire_time, run.upstream) == (None, {"extract": run_id})


@pytest.mark.parametrize("downstream", [False, True])
def test_a_retry_starts_the_tasks_after_it_only_if_asked(rig: Harness, downstream: bool) -> None:
    asked: list[int] = []

    async def fails_once() -> None:
        asked.append(1)
        if len(asked) == 1:
            raise ValueError("no such table")

    rig.manager.add_task(fails_once, "interval", "extract", seconds=10, max_retries=0)
    rig.manager.add_task(loads, after="extract", id="load")
    rig.advance(10)
    (first,) = rig.ended("load")
    assert first.state is State.SKIPPED
    (failed,) = rig.ended("extract")

    again = rig.manager.retry_run(failed.id, downstream=downstream)

    rig.ended("extract", 2)
    rows = rig.ended("load", 1 + downstream)
    assert [run.upstream for run in rows if run.id != first.id] == (
        [{"extract": again}] if downstream else []
    )
