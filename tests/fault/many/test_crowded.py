"""A node that starts while others keep the ledger busy."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rota.ledger.sqlite.database import SqliteFile
from rota.testing import Harness, eventually


def work() -> None:
    pass


def test_a_node_that_does_not_get_its_turn_at_once_starts_all_the_same(tmp_path: Path) -> None:
    with Harness(tmp_path):
        pass
    rig = Harness(tmp_path)
    database = rig.manager.services.ledger._database  # type: ignore[attr-defined]
    assert isinstance(database, SqliteFile)
    database._timeout = 0.05
    with closing(sqlite3.connect(tmp_path / "rota.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        starting = threading.Thread(target=rig.manager.start)
        starting.start()
        eventually(lambda: rig.manager.services.engine.gateway.trouble)
        other.execute("ROLLBACK")
        starting.join(90)
    with rig:
        assert rig.manager.running
        rig.manager.add_task(work, "date", "work", run_date=datetime(2100, 1, 1, tzinfo=UTC))
        rig.manager.run_task("work")
        assert [run.state for run in rig.ended("work")] == ["succeeded"]
