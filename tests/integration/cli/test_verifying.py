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


AGE = 12_000_000
"""How old an occurrence is, in microseconds, whose row is missed if it is not there."""


def span(project: Project) -> int:
    """Return how much time there is between the first and the last row."""
    if not project.has("rota.db"):
        return 0
    with closing(sqlite3.connect(project.path / "rota.db")) as connection:
        try:
            query = "SELECT max(fire_time) - min(fire_time) FROM runs"
            (found,) = connection.execute(query).fetchone()
        except sqlite3.OperationalError:  # its tables are still to come
            return 0
        return found or 0


def lose_one(project: Project) -> None:
    """Delete the second row."""
    with closing(sqlite3.connect(project.path / "rota.db")) as connection, connection:
        lost = "SELECT fire_time FROM runs ORDER BY fire_time LIMIT 1 OFFSET 1"
        assert connection.execute(f"DELETE FROM runs WHERE fire_time = ({lost})").rowcount == 1


def test_without_a_ledger_there_is_nothing_to_verify(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    assert "No ledger yet" in project.rota("verify").stderr
    assert not project.has("rota.db")


def test_what_is_missing_is_listed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    with project.up():
        until(lambda: span(project) >= AGE)
    assert "The record is sound." in project.rota("verify").stdout
    lose_one(project)
    (hole,) = [one for one in project.lines("verify", code=1) if one["code"] == "hole"]
    assert (hole["task_id"], hole["count"]) == ("tick", 1)
    assert hole["text"] in project.rota("verify", "--since", "1h", code=1).stdout
