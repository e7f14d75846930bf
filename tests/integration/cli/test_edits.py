"""What the commands say of tasks that were edited, and how an edit is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from rota.config import Xcorecfg
from rota.manager import TaskManager
from tests.integration.cli.project import Project

BEFORE = """
import rota


@rota.task("interval", hours=1)
def sync():
    pass


@rota.task("cron", hour=9)
def greet():
    pass
"""
AFTER = BEFORE.replace('"interval", hours=1', '"cron", hour=7')


@pytest.fixture
def edited(tmp_path: Path) -> Project:
    """Return a project one of whose edits does not fit the code any more."""
    project = Project(tmp_path, BEFORE)
    config = Xcorecfg.model_validate({"manager": {"ledger_url": f"sqlite:///{tmp_path}/rota.db"}})
    manager = TaskManager(config, project=tmp_path)
    manager.discover()
    manager.edit_task("sync", trigger_args={"minutes": 5}, reason="faster")
    manager.edit_task("greet", trigger_args={"hour": 5})
    manager.shutdown()
    project.write("backgroundtask/work.py", AFTER)
    return project


def test_every_command_goes_on_and_says_which_edit_does_not_fit(edited: Project) -> None:
    found = {task["id"]: task for task in edited.lines("ls")}
    assert (found["sync"]["state"], found["greet"]["state"]) == ("broken", "scheduled")
    assert found["sync"]["next_run"].endswith("T07:00:00Z")
    [sync] = edited.lines("show", "sync")
    assert "cron has no argument 'minutes'" in sync["mistake"]
    shown = edited.rota("show", "sync").stdout
    assert "is not applied" in shown
    assert "`rota reset sync trigger_args`" in shown
    assert "work.py" in shown
    assert "hour=5 in place of the code's hour=9" in edited.rota("show", "greet").stdout
    [as_json] = edited.lines("show", "greet")
    assert as_json["edits"][0]["code"] == {"hour": 9}
    checked = edited.rota("check", code=1)
    assert "backgroundtask/work.py:5: task 'sync', trigger_args: is edited" in checked.stdout
    assert "`rota reset sync trigger_args` resets the edit." in checked.stdout
    assert "1 mistake; 1 task is right." in checked.stderr
    assert "hour=5 in place of the code's hour=9" in checked.stderr
    doctor = {(one["check"], one["verdict"]): one for one in edited.lines("doctor", code=1)}
    assert "it is broken" in doctor["task sync", "warn"]["why"]
    assert doctor["task sync", "warn"]["remedy"] == "rota reset sync trigger_args"
    assert "hour=5 in place of" in doctor["task greet", "note"]["why"]
    for words in (["next"], ["pause", "greet"], ["resume", "greet"], ["run", "greet"]):
        edited.rota(*words)


def test_an_edit_is_taken_back(edited: Project) -> None:
    done = edited.rota("reset", "sync", "trigger_args", "--reason", "mended")
    assert "sync: trigger_args is reset to the code" in done.stdout
    assert "nothing was edited" in edited.rota("reset", "sync").stdout
    [sync] = edited.lines("show", "sync")
    assert (sync["state"], sync["edits"]) == ("scheduled", [])
    edited.rota("check")
    assert "Did you mean 'trigger_args'" in edited.rota("reset", "greet", "trigger", code=2).stderr
    edited.rota("reset", "greet")
    [greet] = edited.lines("show", "greet")
    assert greet["edits"] == []


def test_code_changed_below_an_edit_is_reported(edited: Project) -> None:
    edited.write("backgroundtask/work.py", AFTER.replace("hour=9", "hour=10"))
    said = "the code said hour=9 then, and says hour=10 now"
    assert said in edited.rota("show", "greet").stdout
    assert said in edited.rota("check", code=1).stderr
    assert said in edited.rota("doctor", code=1).stdout
