"""A project whose ledger has damaged rows: it starts, and says which they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.integration.cli.project import Project


def test_a_damaged_ledger_is_started_on_and_its_rows_are_listed(project: Project) -> None:
    with project.up() as up:
        up.ready()
        project.rota("run", "greet", "--wait")
    with closing(sqlite3.connect(project.path / "rota.db", isolation_level=None)) as database:
        database.execute("UPDATE tasks SET edits = '{half', planned_until = 1000000000000000000")
        database.execute("UPDATE tasks SET policy = 'none' WHERE id = 'greet'")
        database.execute("UPDATE nodes SET info = '[]'")
        database.execute("UPDATE runs SET result = 'no JSON', progress = '7'")
    with project.up() as up:
        up.ready()
        project.rota("run", "greet", "--wait")
        health = project.asked("/health")
        assert health["status"] == "degraded"
        assert {one["table"] for one in health["damaged_rows"]} >= {"tasks", "nodes"}
        for command in ("ls", "runs", "next"):
            project.rota(command)
        project.rota("show", "greet")
    found = project.lines("doctor", code=1)
    damaged = [one["why"] for one in found if one["trouble"] == "damaged rows"]
    for place in ("column edits of tasks 'hold'", "column info of nodes", "column result of runs"):
        assert any(place in why for why in damaged), damaged
