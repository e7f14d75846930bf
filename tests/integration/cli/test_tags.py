"""Tags on the command line: tasks are listed, paused and resumed by them."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli.project import Project

TASKS = """
import rota


@rota.task("interval", hours=1, tags=["db"])
def sync():
    pass


@rota.task("cron", hour=9)
def greet():
    pass
"""


def test_tasks_are_listed_paused_and_resumed_by_tag(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    assert [task["id"] for task in project.lines("ls", "--tag", "db")] == ["sync"]
    said = project.rota("pause", "--tag", "db", "--reason", "migration").stdout
    assert said == "the tasks with tag db are paused until `rota resume`.\n"
    project.rota("pause", "sync")
    (tag,) = project.lines("tags")
    assert (tag["tag"], tag["tasks"], tag["paused"], tag["pause_reason"]) == (
        "db",
        1,
        True,
        "migration",
    )
    assert {task["id"]: task["paused"] for task in project.lines("ls")} == {
        "greet": False,
        "sync": True,
    }
    still = project.rota("resume", "sync").stdout
    assert still == "sync is still paused by the pause of tag db.\n"
    project.rota("resume", "--tag", "db", "--catch-up")
    assert not project.lines("show", "sync")[0]["paused"]
    refused = project.rota("pause", "sync", "--all", code=2).stderr
    assert "--tag TAG" in refused
