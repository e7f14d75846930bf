"""Where a ledger may be copied to, and what is left alone."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, make_url

from rota.core.access import Session
from rota.errors import LedgerError, LedgerNewerError, LedgerUnavailableError
from rota.ledger import migrations
from rota.ledger.sqlite.bulk import UNFINISHED
from rota.ledger.transfer.bulk import TABLES
from rota.testing import eventually
from tests.conformance.ledger.desk import NOON, Desk
from tests.postgres import Postgres
from tests.unit.ledger.copies import Address, answers, copied, fill, refused, shell, waits_for_keys
from tests.unit.ledger.test_postgres import connected


@pytest.mark.parametrize("table", ["runs", "nodes", "sessions"])
def test_a_target_with_anything_in_it_is_left_alone(
    file: Address, place: Address, table: str
) -> None:
    source, target = file(), place()
    with Desk(source):
        pass
    with Desk(target) as desk:
        match table:
            case "runs":
                desk.plan(desk.new())
            case "nodes":
                desk.join()
            case _:
                desk.do(lambda tx: tx.add_session(Session("hash", "1", NOON, NOON + 1)))
        refused(source, target, LedgerError, f"not empty.*{table}")
    before = answers(target)
    refused(source, target, LedgerError, f"not empty.*{table}")
    assert answers(target) == before


def test_a_target_of_something_else_is_left_alone(place: Address, file: Address) -> None:
    source, target = file(), place()
    with Desk(source), Desk(target):
        pass
    shell(target, *(f"DROP TABLE {table.name}" for table in TABLES))
    refused(source, target, LedgerError, "belongs to something else")


def test_a_newer_target_is_left_alone(place: Address, file: Address) -> None:
    source, target = file(), place()
    with Desk(source), Desk(target):
        pass
    shell(target, "UPDATE alembic_version SET version_num = '9999'")
    refused(source, target, LedgerNewerError, "newer rota")


@pytest.mark.parametrize("kind", ["file", "server"])
def test_an_older_target_without_rows_is_filled(
    file: Address, request: pytest.FixtureRequest, kind: str
) -> None:
    source = file()
    with Desk(source) as desk:
        fill(desk)
    if kind == "file":
        target = file()
        engine = create_engine(target)
        with engine.begin() as connection:
            step(connection, "0003")
        engine.dispose()
    else:
        target = request.getfixturevalue("postgres").url()
        with connected(Desk(target)) as connection:
            schema = make_url(target).query["schema"]
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
            step(connection, "0003")
            connection.commit()
    copied(source, target)
    assert answers(target) == answers(source)


def test_a_copy_keeps_the_permissions_of_the_empty_target(file: Address) -> None:
    source, target = file(), file()
    with Desk(source), Desk(target):
        pass
    path = Path(target.removeprefix("sqlite:///"))
    path.chmod(0o600)
    copied(source, target)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_target_that_is_open_is_left_alone(file: Address) -> None:
    source, target = file(), file()
    with Desk(source), Desk(target) as desk:
        refused(source, target, LedgerUnavailableError, "write-ahead log, 1.db-wal")
        desk.plan(desk.new())


def test_what_comes_to_be_at_the_target_meanwhile_is_left_alone(
    postgres: Postgres, file: Address
) -> None:
    source, target = postgres.url(), file()
    unfinished = Path(target.removeprefix("sqlite:///") + UNFINISHED)
    with Desk(source) as desk, ThreadPoolExecutor(1) as pool, connected(desk) as lock:
        lock.exec_driver_sql("LOCK TABLE keys")  # the last one that is read
        copying = pool.submit(copied, source, target)
        eventually(lambda: waits_for_keys(desk))
        with Desk(target) as other:
            other.plan(other.new())
        lock.rollback()
        with pytest.raises(LedgerError, match="not empty"):
            copying.result(90)
    with Desk(target) as other:
        assert other.states() == ["queued"]
    assert not unfinished.exists()


def test_one_copy_at_a_time_is_made_in_a_directory(file: Address, tmp_path: Path) -> None:
    source, target = file(), file()
    with Desk(source):
        pass
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        refused(source, target, LedgerUnavailableError, "Another `rota db copy`")
    finally:
        os.close(directory)
    copied(source, target)


def test_what_a_killed_copy_left_is_made_anew(file: Address) -> None:
    source, target = file(), file()
    with Desk(source) as desk:
        fill(desk)
    left = Path(target.removeprefix("sqlite:///") + UNFINISHED)
    left.write_bytes(b"half a copy" * 1000)
    copied(source, target)
    assert not left.exists()


def test_a_link_stays_a_link(file: Address, tmp_path: Path) -> None:
    source = file()
    with Desk(source):
        pass
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "disk" / "rota.db")
    copied(source, f"sqlite:///{link}")
    assert link.is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["rota.db"]


def step(connection: Connection, revision: str) -> None:
    """Make the tables of an older release."""
    config = migrations._config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
