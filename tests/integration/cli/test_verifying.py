"""`rota verify`: nothing to say about what is sound, and what is not is listed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.integration.cli.project import Project, until

TASKS = """
import rota


@rota.task("cron", second="*")
async def tick():
    pass
"""


def lose_one(project: Project) -> None:
    """Delete a row that is neither the first nor the last."""
    with closing(sqlite3.connect(project.path / "rota.db")) as connection, connection:
        lost = "SELECT fire_time FROM runs ORDER BY fire_time DESC LIMIT 1 OFFSET 1"
        assert connection.execute(f"DELETE FROM runs WHERE fire_time = ({lost})").rowcount == 1


def test_without_a_ledger_there_is_nothing_to_verify(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    assert "No ledger yet" in project.rota("verify").stderr
    assert not project.has("rota.db")


def test_what_is_missing_is_listed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    with project.up():
        until(lambda: len(project.lines("runs")) >= 14)
    assert "The record is sound." in project.rota("verify").stdout
    assert project.lines("verify", "--since", "1h") == []
    lose_one(project)
    # It is younger than what is verified: nobody misses a row that may still be on its way.
    until(lambda: project_says(project))
    (hole,) = [one for one in project.lines("verify", code=1) if one["code"] == "hole"]
    assert (hole["task_id"], hole["count"]) == ("tick", 1)
    assert hole["text"] in project.rota("verify", code=1).stdout
    assert "nonsense" in project.rota("verify", "--since", "nonsense", code=2).stderr


def project_says(project: Project) -> bool:
    """Say whether the record is no longer sound."""
    done = project.begin("verify")
    return done.wait() == 1
