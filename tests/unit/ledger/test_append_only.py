"""The audit cannot be rewritten, not even by somebody with a database shell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from rota.core.audit import KEPT
from rota.core.time import SECOND
from rota.ledger import migrations
from tests.conformance.ledger.desk import Desk
from tests.postgres import Postgres
from tests.unit.ledger.test_postgres import connected

REWRITES = ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_in_sqlite(tmp_path: Path, rewrite: str) -> None:
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}") as desk:
        desk.plan(desk.new())
        with (
            closing(sqlite3.connect(tmp_path / "rota.db")) as shell,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            shell.execute(rewrite)
        assert len(desk.history.audit().changes) == 1


@pytest.mark.parametrize("rewrite", [*REWRITES, "TRUNCATE audit"])
def test_in_postgresql(postgres: Postgres, rewrite: str) -> None:
    with Desk(postgres.url()) as desk:
        desk.plan(desk.new())
        with connected(desk) as shell, pytest.raises(DBAPIError, match="append-only"):
            shell.exec_driver_sql(rewrite)
        assert len(desk.history.audit().changes) == 1


def test_what_is_past_its_time_may_go(tmp_path: Path) -> None:
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}") as desk:
        desk.plan(desk.new())
        desk.clock.move(KEPT / SECOND + 1)
        desk.plan(desk.new())
        with closing(sqlite3.connect(tmp_path / "rota.db", isolation_level=None)) as shell:
            shell.execute("DELETE FROM audit WHERE at = (SELECT min(at) FROM audit)")
        assert len(desk.history.audit().changes) == 1


def test_a_ledger_without_one_gets_it_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "rota.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(
            "INSERT INTO runs (id, task_id, cause, state, exclusive, available_at, created_at)"
            " VALUES ('R', 't', 'manual', 'queued', FALSE, 1, 1)"
        )
    engine.dispose()
    with Desk(f"sqlite:///{path}") as desk:
        desk.do(lambda tx: tx.cancel("R", "old", desk.now))
        assert [change.run_id for change in desk.history.audit().changes] == ["R"]
