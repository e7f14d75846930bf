"""`rota doctor`: each trouble of the list, brought about and found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.cli.project import Project

TASKS = """
import rota


def shared():
    pass


def past():
    pass


def crash():
    raise ValueError("no")


TASK_DEFINITIONS = [
    {"id": "one", "func": shared, "trigger": "cron", "trigger_args": {"hour": 1}},
    {"id": "two", "func": shared, "trigger": "cron", "trigger_args": {"hour": 2}},
    {"id": "once", "func": past, "trigger": "date", "trigger_args": {"run_date": "2020-01-01"}},
    {
        "id": "crash",
        "func": crash,
        "trigger": "cron",
        "trigger_args": {"hour": 3},
        "max_retries": 1,
        "retry_delay": 0,
    },
]
"""


def found(project: Project, check: str, verdict: str, code: int = 1) -> str:
    """Return why the doctor comes to this verdict."""
    return next(
        str(one["why"])
        for one in project.lines("doctor", code=code)
        if (one["check"], one["verdict"]) == (check, verdict)
    )


def test_what_keeps_tasks_from_running(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    project.write("backgroundtask/broken.py", "import rota\n1 / 0\n")
    project.rota("pause", "two", "--reason", "holidays")
    project.rota("run", "crash", code=1)
    report = project.lines("doctor", code=1)
    why: dict[tuple[Any, Any], str] = {(one["check"], one["verdict"]): one["why"] for one in report}
    assert "broken.py:2" in why["mistakes in the task files", "warn"]
    assert "no node is up" in why["a node is up", "warn"]
    assert "it is paused: holidays." in why["task two", "note"]
    assert why["task once", "note"] == "its trigger never fires again."
    assert "one, two" in why["one id per function", "note"]
    assert "each with one run" in why["one run per occurrence", "ok"]
    assert "1 of its runs" in why["task crash", "note"]
    assert why["failed runs", "note"] == "1 in the last 24 h."


def test_nothing_ran_yet(project: Project) -> None:
    why = found(project, "a node is up", "warn")
    assert "nothing ever ran here" in why
    assert not project.has("rota.db")


def test_no_tasks_at_all(tmp_path: Path) -> None:
    project = Project(tmp_path, "")
    assert "no task is defined in backgroundtask" in found(project, "task files", "warn")
