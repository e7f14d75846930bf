"""A task is a function with a trigger and options. Read these files in their order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import rota
from rota.core.run import State
from rota.errors import TriggerError
from rota.testing import Harness

TASK_FILE = """
async def greet(name):
    return f"hello {name}"


TASK_DEFINITIONS = [
    {
        "id": "greet",
        "func": greet,
        "trigger": "interval",
        "trigger_args": {"minutes": 5},
        "args": ["Ada"],
    },
]
"""


def test_a_trigger_names_the_times_of_a_task(tmp_path: Path) -> None:
    with Harness(tmp_path) as harness:
        task = harness.manager.add_task(print, "cron", "hourly", args=["tick"], minute=0)
        assert task.next_run == datetime(2024, 1, 1, 1, tzinfo=UTC)


def test_each_time_that_comes_is_one_run(tmp_path: Path) -> None:
    async def tick() -> str:
        return "tock"

    with Harness(tmp_path) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute="*")
        harness.advance(60)
        harness.ended("tick")
        harness.advance(60)
        runs = harness.ended("tick", count=2)
    assert [run.state for run in runs] == [State.SUCCEEDED, State.SUCCEEDED]
    assert [run.result for run in runs] == ["tock", "tock"]


def test_a_file_in_the_directory_is_enough(tmp_path: Path) -> None:
    (tmp_path / "backgroundtask").mkdir()
    (tmp_path / "backgroundtask" / "greetings.py").write_text(TASK_FILE)
    with Harness(tmp_path) as harness:
        assert harness.manager.discover().errors == []
        assert [task.id for task in harness.manager.list_tasks()] == ["greet"]
        harness.advance(300)
        assert harness.ended("greet")[0].result == "hello Ada"


def test_a_task_can_be_started_by_hand_with_arguments(tmp_path: Path) -> None:
    def add(one: int, two: int = 0) -> int:
        return one + two

    with Harness(tmp_path) as harness:
        harness.manager.add_task(add, "cron", "add", hour=3, kwargs={"one": 1})
        harness.manager.run_task("add", arguments={"one": 40, "two": 2})
        [run] = harness.ended("add")
    assert (run.result, run.fire_time) == (42, None)


def test_a_trigger_that_is_wrong_is_refused_with_the_field_and_the_reason(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    with pytest.raises(TriggerError, match=r"hour.*25"):
        harness.manager.add_task(print, "cron", "wrong", hour=25)


def test_a_trigger_can_be_previewed_and_read_aloud() -> None:
    workdays = {"hour": 9, "day_of_week": "mon-fri"}
    times = rota.preview("cron", workdays, after=datetime(2024, 1, 5, 12, tzinfo=UTC), count=2)
    assert [f"{when:%a %H:%M}" for when in times] == ["Mon 09:00", "Tue 09:00"]
    assert "09:00" in rota.describe("cron", workdays)
