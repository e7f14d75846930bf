"""Edits over restarts, on several nodes, and beside code that changes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rota.core.run import State
from rota.core.task import TaskStatus
from rota.core.time import from_datetime
from rota.errors import DefinitionError, TriggerError, UnknownTaskError
from rota.testing import Harness, eventually


def work() -> str:
    """Do nothing."""
    return "done"


def other() -> str:
    """Do nothing, too."""
    return "done"


def test_an_edit_that_no_longer_fits_breaks_its_task_alone(tmp_path: Path) -> None:
    with Harness(tmp_path) as before:
        before.manager.add_task(work, "interval", "work", hours=1)
        before.manager.edit_task("work", trigger_args={"minutes": 5}, reason="faster")
    rig = Harness(tmp_path, before.clock)
    rig.manager.add_task(work, "cron", "work", minute="*")
    rig.manager.add_task(other, "cron", "other", minute="*")
    with rig:
        task = rig.manager.get_task("work")
        assert task is not None
        assert task.status is TaskStatus.BROKEN
        assert "cron has no argument 'minutes'" in task.mistake
        assert "`rota reset work trigger_args`" in task.mistake
        assert task.trigger_args == {"minute": "*"}
        health = rig.manager.health()
        assert health["status"] == "degraded"
        assert list(health["broken_tasks"]) == ["work"]
        rig.advance(60)
        assert [run.state for run in rig.ended("work")] == [State.SUCCEEDED]
        assert [run.state for run in rig.ended("other")] == [State.SUCCEEDED]
        task = rig.manager.reset_task("work", "trigger_args")
        assert (task.mistake, task.edits) == ("", ())
        assert rig.manager.health()["status"] == "healthy"


def test_the_other_node_of_a_rolling_deployment_goes_on(tmp_path: Path) -> None:
    old, new = Harness(tmp_path, node="old"), None
    old.manager.add_task(work, "interval", "work", hours=1)
    with old:
        new = Harness(tmp_path, old.clock, node="new")
        new.manager.add_task(work, "cron", "work", minute="*")
        new.manager.add_task(other, "cron", "other", minute="*")
        with new:
            old.manager.edit_task("work", trigger_args={"minutes": 5})
            eventually(lambda: entry_of(new, "work").mistake)
            new.manager.pause_task("other")  # its refresher still looks
            old.manager.pause_task("work")
            eventually(lambda: entry_of(new, "work").paused)
            new.manager.edit_task("work", trigger_args={"minute": 30})
            eventually(lambda: entry_of(old, "work").mistake)
            old.manager.resume_task("work")
            eventually(lambda: not entry_of(new, "work").paused)
            assert old.manager.health()["status"] == "degraded"


def entry_of(rig: Harness, id: str) -> Any:
    entry = rig.manager.services.engine.registry.get(id)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[]", '{"name": 7}', '{"trigger_args": 5}', '{"enabled": "x"}', '{"later": 1}'],
)
def test_damaged_edits_hurt_nothing(tmp_path: Path, text: str) -> None:
    with Harness(tmp_path) as before:
        before.manager.add_task(work, "cron", "work", minute="*")
        before.manager.add_task(other, "cron", "other", minute="*")
    with sqlite3.connect(tmp_path / "rota.db") as database:
        database.execute("UPDATE tasks SET edits = ? WHERE id = 'work'", [text])
    rig = Harness(tmp_path, before.clock)
    rig.manager.add_task(work, "cron", "work", minute="*")
    rig.manager.add_task(other, "cron", "other", minute="*")
    with rig:
        assert {task.id: task.status for task in rig.manager.list_tasks()} == {
            "work": TaskStatus.BROKEN,
            "other": TaskStatus.SCHEDULED,
        }
        rig.advance(60)
        assert [run.state for run in rig.ended(count=2)] == [State.SUCCEEDED] * 2
        assert rig.manager.reset_task("work").edits == ()


def test_edits_are_checked_by_all_rules_of_their_task(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(work, "cron", "work", hour=7, timezone="Europe/Berlin", dst="skip")
        gap = {"year": 2030, "month": 3, "day": 31, "hour": 2, "minute": 30}
        with pytest.raises(TriggerError, match="can never fire"):
            rig.manager.edit_task("work", trigger_args=gap)
        with pytest.raises(DefinitionError, match="enabled: 'no' is neither True nor False"):
            rig.manager.edit_task("work", enabled="no")  # type: ignore[arg-type]
        assert rig.manager.get_task("work").edits == ()  # type: ignore[union-attr]


def test_a_reset_leaves_planning_as_if_it_had_never_been_edited(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig, Harness(tmp_path, rig.clock, node="b") as second:
        for one in (rig, second):
            one.manager.add_task(work, "interval", "work", hours=1)
        untouched = rig.manager.get_task("work").next_run  # type: ignore[union-attr]
        rig.advance(100)
        rig.manager.edit_task("work", trigger_args={"minutes": 7})
        rig.manager.edit_task("work", trigger_args={"minutes": 9}, name="Nine")
        rig.advance(100)
        task = rig.manager.reset_task("work", "trigger_args")
        assert (task.next_run, task.name) == (untouched, "Nine")
        eventually(lambda: [edit.key for edit in entry_of(second, "work").edits] == ["name"])
        assert entry_of(second, "work").next_run(rig.clock.now()) == from_datetime(untouched)  # type: ignore[arg-type]
        assert rig.manager.reset_task("work").name == "work"
        assert rig.runs("work") == []


def test_a_task_that_is_added_again_has_no_edits_of_the_one_that_was_removed(
    tmp_path: Path,
) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(work, "interval", "work", hours=1)
        untouched = rig.manager.get_task("work").next_run  # type: ignore[union-attr]
        rig.manager.edit_task("work", trigger_args={"minutes": 7}, name="Seven", enabled=False)
        rig.manager.remove_task("work")
        task = rig.manager.add_task(work, "interval", "work", hours=1)
        assert (task.edits, task.name, task.enabled) == ((), "work", True)
        assert task.next_run == untouched
    again = Harness(tmp_path, rig.clock)
    again.manager.add_task(work, "interval", "work", hours=1)
    with again:
        assert again.manager.get_task("work").edits == ()  # type: ignore[union-attr]


def test_edits_say_who_made_them_and_what_the_code_said(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(work, "cron", "work", hour=6)
        [edit] = rig.manager.edit_task("work", trigger_args={"hour": 5}, reason="tests").edits
        assert (edit.value, edit.code, edit.has_moved) == ({"hour": 5}, {"hour": 6}, False)
        assert (edit.by, edit.reason) == ("python", "tests")
        rig.manager.add_task(work, "cron", "work", hour=7)
        task = rig.manager.get_task("work")
        assert task is not None
        [edit] = task.edits
        assert (edit.code, edit.was, edit.has_moved) == ({"hour": 7}, {"hour": 6}, True)
        assert task.status is TaskStatus.SCHEDULED
        rig.manager.edit_task("work", trigger_args={"hour": 5})  # meant so, after all
        [edit] = rig.manager.get_task("work").edits  # type: ignore[union-attr]
        assert not edit.has_moved


def test_a_reset_names_what_it_does_not_know(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(work, "cron", "work", hour=6)
        with pytest.raises(DefinitionError, match="Did you mean 'enabled'"):
            rig.manager.reset_task("work", "enable")
        with pytest.raises(UnknownTaskError, match="Did you mean 'work'"):
            rig.manager.reset_task("wrok")
        assert rig.manager.reset_task("work").edits == ()
