"""`rota check`: all mistakes at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.project import Project

CONFIG = """{
  "manager": {
    "max_task": 3,
    "timezone": "Europe/Berln"
  }
}
"""
BAD = """import rota

@rota.task("cron", hour=25)
def late(): ...

@rota.task("interval", minutes=-1, timeot=3)
def negative(): ...

@rota.task("interval", minutes=1)
def right(): ...
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Project:
    """A project with a mistake of every kind."""
    project = Project(tmp_path)
    project.write("config.json", CONFIG)
    project.write("backgroundtask/bad.py", BAD)
    project.write("backgroundtask/syntax.py", "import rota\ndef (\n")
    project.write("backgroundtask/raises.py", "import rota\n\n1 / 0\n")
    return project


def test_every_mistake_at_once_with_file_and_line(wrong: Project) -> None:
    done = wrong.rota("check", code=1)
    for place in (
        "config.json:3: manager.max_task: no such key.",
        "config.json:4: manager.timezone:",
        "backgroundtask/bad.py:3: ",
        "backgroundtask/bad.py:6: ",
        "backgroundtask/syntax.py:2: ",
        "backgroundtask/raises.py:3: ",
    ):
        assert f"\n{place}" in f"\n{done.stdout}"
    assert "Did you mean 'max_tasks'?" in done.stdout
    assert "Did you mean 'timeout'?" in done.stdout
    assert "5 tasks are right" in done.stderr  # four of work.py, one of bad.py


def test_json(wrong: Project) -> None:
    found = wrong.lines("check", code=1)
    assert {tuple(one) for one in found} == {("file", "line", "at", "what", "remedy")}
    assert ("backgroundtask/raises.py", 3) in {(one["file"], one["line"]) for one in found}


def test_named_files_limit_it(wrong: Project) -> None:
    wrong.touch("README.md")
    found = wrong.lines("check", "backgroundtask/raises.py", "README.md", code=1)
    assert [one["file"] for one in found] == ["backgroundtask/raises.py"]


def test_files_of_others_are_passed_over(wrong: Project) -> None:
    wrong.touch("README.md")
    wrong.write("src/other.py", "1 / 0\n")
    assert wrong.rota("check", "README.md", "src/other.py").stdout == ""


def test_files_that_are_not_there_are_an_error(wrong: Project) -> None:
    words = ("backgroundtask/raises.py", "backgroundtask/frist.py", "frist.py")
    done = wrong.rota("check", *words, code=2)
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == "error: backgroundtask/frist.py: there is no such file."


def test_a_right_project(project: Project) -> None:
    assert project.lines("check") == []
    assert "No mistakes; 4 tasks are right." in project.rota("check").stderr
    assert not project.has("rota.db")


def test_a_directory_named_by_a_wrong_config_is_looked_at(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("config.json", '{"manager": {"tasks_directory": "jobs", "max_task": 1}}')
    project.write("jobs/raises.py", "import rota\n1 / 0\n")
    assert [one["file"] for one in project.lines("check", code=1)] == [
        "config.json",
        "jobs/raises.py",
    ]


def test_an_environment_variable_is_named(project: Project) -> None:
    done = project.rota("check", code=1, XCORE_MANAGER__MAX_TASKS="many")
    assert "XCORE_MANAGER__MAX_TASKS" in done.stdout


def test_without_the_config_file(project: Project) -> None:
    assert "there is no such file" in project.rota("ls", "--config", "no.json", code=2).stderr


def test_days_without_a_sunrise_are_a_caution_and_no_mistake(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("config.json", "{}")
    project.write(
        "backgroundtask/polar.py",
        "import rota\n\n"
        "@rota.task('sun', event='sunrise', latitude=69.65, longitude=18.96)\n"
        "def polar(): ...\n\n"
        "@rota.task('sun', event='sunrise', latitude=52.5, longitude=13.4)\n"
        "def berlin(): ...\n",
    )
    said = project.rota("check").stderr
    assert "polar.py:4, task 'polar'" in said or "polar.py:3: task 'polar'" in said
    assert "there are days without sunrise at 69.65" in said and "berlin" not in said


def test_a_date_that_has_passed_is_named_and_no_mistake(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("config.json", "{}")
    project.write(
        "backgroundtask/once.py",
        "def once(): ...\n\n"
        "TASK_DEFINITIONS = [{'id': 'once', 'func': once, 'trigger': 'date',"
        " 'trigger_args': {'run_date': '2024-12-25 00:00:00'}}]\n",
    )
    done = project.rota("check")
    assert "task 'once', run_date: its date has passed: 2024-12-25 00:00:00" in done.stderr
    assert "No mistakes" in done.stderr
