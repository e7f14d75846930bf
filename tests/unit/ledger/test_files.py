"""Files that cannot be a ledger, or not now: said clearly, and not a byte changed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rota.core.ports.ledger import Ledger
from rota.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerNewerError,
    LedgerUnavailableError,
)
from rota.ledger import open_ledger
from rota.ledger.ledger import SqlLedger
from rota.ledger.sqlite.database import SqliteFile
from tests.conformance.ledger.desk import Desk, FakeClock

ROOT = Path(__file__).parents[3]


def ledger_at(path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{path}", clock=FakeClock())


@contextmanager
def opened(ledger: Ledger) -> Iterator[Ledger]:
    ledger.open()
    try:
        yield ledger
    finally:
        ledger.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ledger's file with some runs in it."""
    path = tmp_path / "rota.db"
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(*(desk.new(f"task {n}") for n in range(500)))
    return path


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def refused(path: Path, error: type[LedgerError], words: str) -> LedgerError:
    """Open what cannot be opened: it raises, and nothing in its directory has changed."""
    before = contents(path.parent)
    ledger = ledger_at(path)
    with pytest.raises(error, match=words) as caught:
        ledger.open()
    ledger.close()
    assert contents(path.parent) == before
    assert str(path) in caught.value.where
    assert caught.value.remedy
    return caught.value


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- damaged ------------------------------------------------------------------------------------


def test_no_database_at_all(tmp_path: Path) -> None:
    path = tmp_path / "rota.db"
    path.write_text("my notes, dear to me\n")
    refused(path, LedgerCorruptError, "no SQLite database")


def test_a_database_cut_off_in_its_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50])
    refused(file, LedgerCorruptError, "damaged|not a database")


@pytest.mark.parametrize("part", [0.25, 0.5, 0.99])
def test_a_truncated_database(file: Path, part: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * part)])
    refused(file, LedgerCorruptError, "damaged")


@pytest.mark.parametrize("cut", [1, 100, 4096, 4097])
def test_a_database_that_is_short_by_some_bytes(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:-cut])
    refused(file, LedgerCorruptError, "damaged")


def test_a_large_database_that_is_short_by_one_byte(file: Path) -> None:
    execute(
        file,
        "CREATE TABLE filling AS WITH RECURSIVE n (i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " SELECT i, randomblob(4000) AS stuff FROM n",
    )
    assert file.stat().st_size > 9 * 2**20
    with file.open("r+b") as raw:
        raw.truncate(file.stat().st_size - 1)
    # The last page may be one of the schema: then SQLite itself refuses it.
    refused(file, LedgerCorruptError, "damaged: (the file has|malformed database schema)")


def test_a_database_with_bytes_behind_its_last_page(file: Path) -> None:
    with file.open("ab") as raw:
        raw.write(b"?")
    refused(file, LedgerCorruptError, "damaged")


def test_a_file_that_its_log_makes_whole_is_opened(file: Path, tmp_path: Path) -> None:
    """As after a power cut in the middle of a checkpoint."""
    cut = tmp_path / "cut.db"
    with Desk(f"sqlite:///{file}") as desk:
        desk.plan(*(desk.new(arguments={"text": "x" * 500}) for _ in range(500)))
        cut.write_bytes(file.read_bytes() + bytes(100))
        cut.with_name("cut.db-wal").write_bytes(file.with_name(file.name + "-wal").read_bytes())
    with Desk(f"sqlite:///{cut}") as desk:
        assert len(desk.history.runs(limit=1000).runs) >= 500


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_pages_overwritten_in_the_middle(file: Path, place: float) -> None:
    whole = bytearray(file.read_bytes())
    start = int(len(whole) * place) // 4096 * 4096
    whole[start : start + 4096] = os.urandom(4096)
    file.write_bytes(bytes(whole))
    refused(file, LedgerCorruptError, "damaged")


def test_damage_that_shows_later_is_said_and_does_not_end_the_writer(file: Path) -> None:
    with Desk(f"sqlite:///{file}") as desk:
        with file.open("r+b") as raw:
            raw.seek(4096)
            raw.write(os.urandom(file.stat().st_size - 4096))
        for _ in range(2):
            with pytest.raises(LedgerCorruptError, match="malformed"):
                desk.plan(desk.new())
        with pytest.raises(LedgerCorruptError, match="malformed"):
            desk.history.runs()


# --- somebody else's ----------------------------------------------------------------------------


def test_a_ledger_of_a_newer_rota(file: Path) -> None:
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    refused(file, LedgerNewerError, "newer rota wrote this ledger .revision '9999'.")


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    execute(path, "CREATE TABLE customers (id INTEGER)", "INSERT INTO customers VALUES (1)")
    refused(path, LedgerError, "belongs to something else")


def test_a_database_of_something_else_in_wal_mode_and_in_use(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE runs (id INTEGER)")
        connection.commit()
        ledger = ledger_at(path)
        with pytest.raises(LedgerError, match="belongs to something else"):
            ledger.open()


def test_migrations_of_other_software_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    execute(path, "CREATE TABLE alembic_version (version_num TEXT)", "CREATE TABLE users (id)")
    refused(path, LedgerError, "belongs to something else")


# --- away ---------------------------------------------------------------------------------------


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "rota.db").mkdir()
    ledger = ledger_at(tmp_path / "rota.db")
    with pytest.raises(LedgerUnavailableError, match="cannot be read: Is a directory"):
        ledger.open()


def test_a_file_where_its_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    ledger = ledger_at(tmp_path / "data" / "rota.db")
    with pytest.raises(LedgerUnavailableError, match="Not a directory") as caught:
        ledger.open()
    assert caught.value.remedy


def test_a_whole_missing_tree_is_a_mistake_in_the_address(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path / "no" / "such" / "rota.db")
    with pytest.raises(LedgerUnavailableError, match=r"No such file.*Make .*such") as caught:
        ledger.open()
    assert str(tmp_path / "no" / "such") in caught.value.remedy
    assert not (tmp_path / "no").exists()


def test_a_missing_last_directory_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a dir % with ? signs #" / "rota.db"
    with opened(ledger_at(path)):
        pass
    with opened(ledger_at(path)):
        assert path.stat().st_size > 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("name", [".", "rota.db"])
def test_what_this_user_may_not_write(file: Path, name: str) -> None:
    protected = file.parent / name
    mode = protected.stat().st_mode
    protected.chmod(mode & ~0o222)
    try:
        refused(file, LedgerUnavailableError, "readonly|unable to open")
    finally:
        protected.chmod(mode)


def test_a_lock_held_for_too_long_and_then_let_go(file: Path) -> None:
    database = SqliteFile("sqlite:///rota.db", file, busy_timeout=0.05)
    with opened(SqlLedger(database, FakeClock())) as ledger:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            futures = [ledger.write(lambda tx: tx.prune(0, 1)) for _ in range(3)]
            for future in futures:
                with pytest.raises(LedgerUnavailableError, match=r"locked.*Another process"):
                    future.result(90)
            assert len(ledger.history.runs().runs) == 100
            other.execute("ROLLBACK")
        assert ledger.write(lambda tx: tx.prune(0, 1)).result(90) == 0


def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(file: Path) -> None:
    desk = Desk(f"sqlite:///{file}")
    database = SqliteFile("sqlite:///rota.db", file)
    desk.ledger = SqlLedger(database, desk.clock)
    with desk:
        with database.gateway() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerUnavailableError, match=r"full.*Make room"):
            desk.plan(*(desk.new() for _ in range(2000)))
        with database.gateway() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {2 * pages}")
        desk.plan(desk.new())
        assert len(desk.history.runs(limit=1000).runs) == 501


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 5000), ("query_only", 0)],
)
def test_what_the_writer_promises(file: Path, pragma: str, value: object) -> None:
    database = SqliteFile("sqlite:///rota.db", file)
    database.open()
    with database.gateway() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
    database.close()


def test_readers_cannot_write(file: Path) -> None:
    database = SqliteFile("sqlite:///rota.db", file)
    database.open()
    with pytest.raises(LedgerError, match="readonly"), database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    database.close()


# --- new ----------------------------------------------------------------------------------------


def empty_file(path: Path) -> None:
    path.touch()


def empty_database(path: Path) -> None:
    execute(path, "PRAGMA journal_mode = WAL")


def no_file(path: Path) -> None:
    pass


@pytest.mark.parametrize("prepare", [no_file, empty_file, empty_database])
def test_where_nothing_is_yet_a_ledger_is_made(
    tmp_path: Path, prepare: Callable[[Path], None]
) -> None:
    path = tmp_path / "rota.db"
    prepare(path)
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(desk.new())
    with Desk(f"sqlite:///{path}") as desk:
        assert desk.states() == ["queued"]


def test_a_closed_ledger_is_one_file(file: Path) -> None:
    assert [path.name for path in file.parent.iterdir()] == ["rota.db"]


def test_a_second_opening_in_one_process_costs_the_first_no_lock(file: Path) -> None:
    """A plain `open` and `close` of the file would end all locks that this process has on it."""
    come_and_go = (
        "import sys; from tests.conformance.ledger.desk import Desk\n"
        "with Desk(sys.argv[1]) as desk: desk.plan(desk.new())"
    )
    url = f"sqlite:///{file}"
    with Desk(url) as first, Desk(url) as second:
        subprocess.run([sys.executable, "-c", come_and_go, url], cwd=ROOT, check=True, timeout=60)
        assert file.with_name("rota.db-wal").exists()
        first.plan(first.new())
        second.plan(second.new())
    with Desk(url) as desk:
        assert len(desk.states()) == 503


def test_opening_beside_others_that_close_never_looks_like_damage(file: Path) -> None:
    def come_and_go(name: str) -> None:
        for _ in range(25):
            with Desk(f"sqlite:///{file}") as desk:
                desk.plan(desk.new(name))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(come_and_go, name) for name in "ab"]:
            done.result(60)
    with Desk(f"sqlite:///{file}") as desk:
        assert len(desk.states()) == 550


def test_a_process_that_changes_its_directory_keeps_its_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    desk = Desk("sqlite:///rota.db")
    os.chdir(elsewhere)  # as a daemon does, or a task
    with desk:
        desk.plan(desk.new("before"))
        os.chdir("/")
        desk.plan(desk.new("after"))
        assert len(desk.ledger.history.runs().runs) == 2
    assert (tmp_path / "rota.db").exists()
    assert list(elsewhere.iterdir()) == []


# --- a directory that is missing ----------------------------------------------------------------


def test_a_directory_is_made_where_there_never_was_a_ledger(tmp_path: Path) -> None:
    with Desk(f"sqlite:///{tmp_path / 'data' / 'rota.db'}") as desk:
        desk.plan(desk.new())


def test_a_directory_that_went_away_is_not_made_anew(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "data" / "rota.db", tmp_path / "elsewhere"
    with Desk(f"sqlite:///{path}") as desk:
        desk.plan(desk.new())
    path.parent.rename(elsewhere)
    with pytest.raises(LedgerUnavailableError, match="There was a ledger") as caught:
        ledger_at(path).open()
    assert "make the directory manually" in caught.value.remedy
    assert not path.parent.exists()
    elsewhere.rename(path.parent)
    with Desk(f"sqlite:///{path}") as desk:
        assert desk.states() == ["queued"]


def test_a_directory_made_by_another_user_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "data" / "rota.db"
    path.parent.mkdir()
    with Desk(f"sqlite:///{path}"):
        pass
    path.parent.rename(tmp_path / "elsewhere")
    with pytest.raises(LedgerUnavailableError, match="There was a ledger"):
        ledger_at(path).open()
    path.parent.mkdir()  # manually: somebody wants to begin anew
    with Desk(f"sqlite:///{path}") as desk:
        assert desk.states() == []


def test_nothing_is_left_beside_the_directory_that_a_process_works_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    with Desk("sqlite:///rota.db"):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["project"]
