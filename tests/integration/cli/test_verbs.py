"""Verbs on tasks and runs from the command line, each with its row in the audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def audited(project: Project, *options: str) -> list[tuple[str, str, str]]:
    """Return verb, task and reason of the changes, oldest first."""
    rows = project.lines("audit", *options)[::-1]
    return [(row["verb"], row["task_id"], row["reason"]) for row in rows]


def test_a_task_is_disabled_and_enabled_and_a_repetition_changes_nothing(project: Project) -> None:
    for _ in range(2):
        project.rota("disable", "greet", "--reason", "quiet")
        project.rota("enable", "idle")
    states = {task["id"]: task["enabled"] for task in project.lines("ls")}
    assert (states["greet"], states["idle"]) == (False, True)
    said = project.rota("enable", "greet").stdout
    assert said.startswith("greet is enabled, next: ")
    assert project.lines("show", "greet")[0]["edits"] == [], "as if it had never been disabled"
    assert audited(project) == [
        ("edit", "greet", "quiet"),
        ("edit", "idle", ""),
        ("edit", "greet", ""),
    ]


def test_arguments_of_a_trigger_are_edited_by_name(project: Project) -> None:
    said = project.rota("edit", "greet", "hour=7", "name=Morning", "--reason", "earlier").stdout
    assert "greet: trigger_args is hour=7 in place of the code's hour=9.\n" in said
    (shown,) = project.lines("show", "greet")
    assert (shown["name"], shown["trigger_args"]["hour"]) == ("Morning", 7)
    refused = project.rota("edit", "greet", "hour=25", code=2).stderr
    assert "0-23" in refused
    assert "it cannot be edited" in project.rota("edit", "greet", "func=x", code=2).stderr


def test_a_task_that_the_code_defines_is_not_removed(project: Project) -> None:
    refused = project.rota("rm", "greet", code=2).stderr
    assert "'greet' is defined in the code." in refused
    assert "rota disable greet" in refused
    project.rota("disable", "idle")
    project.rota("pause", "greet")  # which writes it into the ledger
    file = project.path / "backgroundtask" / "work.py"
    file.write_text(file.read_text().replace("def greet(", "def welcome("))
    project.rota("rm", "greet", "--reason", "renamed")
    assert "greet" not in {task["id"] for task in project.lines("ls")}
    assert audited(project, "--task", "greet", "--verb", "remove") == [
        ("remove", "greet", "renamed")
    ]


def test_a_failed_run_is_retried_and_exported(project: Project) -> None:
    project.rota("run", "fail", code=1)
    (failed,) = project.lines("runs")
    again = project.rota("retry", failed["id"], "--reason", "once more").stdout
    new = again.split()[-1].rstrip(".")
    assert new in {run["id"] for run in project.lines("runs")}
    lines = project.rota("export", "runs").stdout.splitlines()
    first = json.loads(lines[0])
    assert (first["id"], first["state"], first["attempts"][0]["outcome"]) == (
        failed["id"],
        "failed",
        "failed",
    )
    changes = [json.loads(line) for line in project.rota("export", "audit").stdout.splitlines()]
    assert {change["verb"] for change in changes} == {"run", "retry"}
    assert project.rota("retry", "nothing", code=2).stderr.startswith("error: ")


def test_nodes_that_have_ended_are_listed_if_asked_for(project: Project) -> None:
    project.rota("run", "greet")
    assert "No node is up" in project.rota("nodes").stderr
    (node,) = project.lines("nodes", "--all")
    assert (node["state"], node["running"]) == ("stopped", 0)
