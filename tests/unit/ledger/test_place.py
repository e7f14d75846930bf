"""A ledger's file that is taken away, replaced or overwritten while it is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rota.errors import LedgerCorruptError, LedgerError, LedgerUnavailableError
from tests.conformance.ledger.desk import Desk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger is to be, in a directory of its own."""
    return tmp_path / "ledger" / "rota.db"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another ledger, with one run."""
    return ledger(tmp_path / "other.db", 1)


def ledger(path: Path, runs: int) -> Path:
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(*(desk.new() for _ in range(runs)))
    return path


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        return int(found)


def refuses(desk: Desk, error: type[LedgerError], words: str) -> None:
    for _ in range(2):
        with pytest.raises(error, match=words) as caught:
            desk.plan(desk.new())
        assert str(desk.ledger.url) in caught.value.where
        assert caught.value.remedy
        with pytest.raises(error, match=words):
            desk.history.runs()
        with pytest.raises(error, match=words):
            desk.ledger.version()


def test_a_file_that_is_taken_away_is_missed_and_welcomed_back(path: Path) -> None:
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(desk.new())
        path.rename(path.with_name("away"))
        refuses(desk, LedgerUnavailableError, "was removed")
        assert not path.exists()
        path.with_name("away").rename(path)
        desk.plan(desk.new())
        assert len(desk.states()) == 2


def test_a_directory_that_is_removed_is_not_made_again(path: Path) -> None:
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(desk.new())
        shutil.rmtree(path.parent)
        refuses(desk, LedgerUnavailableError, "was removed")
    assert not path.parent.exists()


def test_another_ledger_in_its_place_is_left_untouched(path: Path, other: Path) -> None:
    before = other.read_bytes()
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(*(desk.new() for _ in range(3)))
        path.rename(path.with_name("former.db"))
        other.rename(path)
        refuses(desk, LedgerUnavailableError, "Another file")
    assert path.read_bytes() == before
    assert count(path) == 1  # nothing of the former one's log has got into it
    assert count(path.with_name("former.db")) == 3


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def cut_by_a_byte(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garble(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def copy_another_over_it(path: Path) -> None:
    shutil.copyfile(ledger(path.parent.parent / "another.db", 1), path)


def copy_something_else_over_it(path: Path) -> None:
    with closing(sqlite3.connect(path.with_name("app.db"))) as connection, connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    shutil.copyfile(path.with_name("app.db"), path)


@pytest.mark.parametrize(
    "harm", [cut, cut_by_a_byte, empty, garble, copy_another_over_it, copy_something_else_over_it]
)
def test_what_is_written_over_it_is_noticed_and_left_as_it_is(
    path: Path, harm: Callable[[Path], None]
) -> None:
    path.parent.mkdir()
    ledger(path, 500)
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(desk.new())
        harm(path)
        before = path.read_bytes()
        refuses(desk, LedgerCorruptError, "overwritten")
    assert path.read_bytes() == before


def test_a_checkpoint_that_was_killed_is_no_damage(path: Path) -> None:
    """Its first page may be there and say how long the file is to become, the last ones not yet."""
    path.parent.mkdir()
    ledger(path, 500)
    with Desk(f"sqlite:///{path}") as desk:
        database: Any = desk.ledger
        before = path.read_bytes()
        longer = int.from_bytes(before[28:32], "big") + 10
        path.write_bytes(before[:28] + longer.to_bytes(4, "big") + before[32:])
        os.utime(path, ns=(1, 1))
        database._database._open.place.check()
        path.write_bytes(before)
        desk.plan(desk.new())


def test_a_vacuum_beside_it_does_no_harm(path: Path) -> None:
    path.parent.mkdir()
    ledger(path, 500)
    with Desk(f"sqlite:///{path}") as desk:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM runs")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        desk.plan(desk.new())
        assert desk.states() == ["queued"]
