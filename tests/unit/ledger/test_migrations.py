"""The schema is the sum of its migrations."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from rota.core.run import Step
from rota.ledger import migrations
from rota.ledger.schema.indexes import metadata
from rota.ledger.schema.tables import REVISION
from rota.ledger.sqlite.creation import create_tables
from tests.conformance.ledger.desk import Desk


def schema(connection: Connection) -> list[tuple[str, str]]:
    """Every table, index and trigger with the words that made it, in the order of their making."""
    found = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    )
    return [(name, " ".join(sql.split())) for name, sql in found]


def rows(connection: Connection) -> dict[str, list[object]]:
    """Every row of every table."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {
        name: [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')]
        for (name,) in names.all()
    }


@contextmanager
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_make_the_tables() -> None:
    with empty() as one, empty() as other:
        migrations.upgrade(one)
        metadata.create_all(other)
        migrated = {(name, sql) for name, sql in schema(one) if name != "alembic_version"}
        assert migrated == set(schema(other))
        assert len(migrated) == len(metadata.tables) + 22


def test_an_empty_database_gets_at_once_what_the_migrations_make() -> None:
    with empty() as one, empty() as other:
        migrations.upgrade(one)
        create_tables(other)
        assert schema(one) == schema(other)  # in the same order: plans depend on it
        assert rows(one) == rows(other)
        assert rows(one)["alembic_version"] == [(REVISION,)]


def test_the_revision_is_that_of_the_newest_migration() -> None:
    assert migrations.known()[0] == REVISION


def test_every_migration_is_in_the_package() -> None:
    versions = Path(migrations.__file__).parent / "versions"
    assert len(list(versions.glob("v*.py"))) == len(migrations.known())


def test_migrating_twice_changes_nothing() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        migrations.upgrade(connection)
        before = schema(connection)
        migrations.upgrade(connection)
        assert schema(connection) == before
    engine.dispose()


def test_a_ledger_of_the_first_revision_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "rota.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO runs (id, task_id, cause, state, exclusive, available_at, created_at)"
            " VALUES ('R', 't', 'manual', 'queued', FALSE, 1, 1)"
        )
    engine.dispose()
    with Desk(f"sqlite:///{path}") as desk:
        (claim,) = desk.claim()
        assert claim.run_id == "R"
        assert desk.do(lambda tx: tx.remember("R", claim.fence, Step("k", 1, 1)))


@pytest.mark.parametrize("is_new", [True, False])
def test_opening_what_is_new_or_up_to_date_loads_no_alembic(tmp_path: Path, is_new: bool) -> None:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if not is_new:
        with Desk(url):
            pass
    code = (
        "import sys; from rota.ledger import open_ledger\n"
        "from rota.runtime.system_clock import SystemClock\n"
        "ledger = open_ledger(sys.argv[1], clock=SystemClock()); ledger.open()\n"
        "print(ledger.history.runs().runs, 'alembic' in sys.modules); ledger.close()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] False"


def test_many_that_open_a_new_ledger_at_once_all_succeed(tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def open_and_plan(number: int) -> None:
        desk = Desk(f"sqlite:///{tmp_path / 'rota.db'}")
        start.wait(90)
        with desk:
            desk.plan(desk.new(f"t{number}"))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(open_and_plan, number) for number in range(6)]:
            done.result(60)
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}") as desk:
        assert desk.states() == ["queued"] * 6


def test_two_new_ledgers_may_be_opened_at_once_in_one_process(tmp_path: Path) -> None:
    start = threading.Barrier(4)

    def open_and_plan(number: int) -> list[str]:
        desk = Desk(f"sqlite:///{tmp_path / f'{number}.db'}")
        start.wait(90)
        with desk:
            desk.plan(desk.new())
            return desk.states()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(open_and_plan, number) for number in range(4)]:
            assert done.result(60) == ["queued"]
