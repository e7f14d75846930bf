"""The audit cannot be rewritten, not even by somebody with a database shell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from rota.core.audit import KEPT
from rota.core.instants import SECOND
from rota.ledger.tables import REVISION
from tests.conformance.ledger.desk import Desk, record
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
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    with Desk(url) as desk:
        desk.register(record())
    with closing(sqlite3.connect(tmp_path / "rota.db", isolation_level=None)) as shell:
        shell.execute("DROP TABLE audit")
        shell.execute("UPDATE alembic_version SET version_num = '0001'")
    with Desk(url) as desk:
        assert desk.history.task("t").record == record()
        desk.plan(desk.new())
        assert len(desk.history.audit().changes) == 1
    with closing(sqlite3.connect(tmp_path / "rota.db")) as shell:
        assert shell.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)
