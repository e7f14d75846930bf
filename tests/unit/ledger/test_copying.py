"""A whole ledger copied, between files and servers: the same afterwards, or nothing at all."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, make_url

from rota.core.access import Right, Token
from rota.core.instants import DAY, HOUR, Instant
from rota.core.ports import Node, RunFilter
from rota.core.run import Cause, State, Step
from rota.errors import LedgerError, LedgerNewerError, LedgerUnavailableError, StateError
from rota.ledger import migrations
from rota.ledger.bulk import TABLES
from rota.ledger.copying import TableCopy, UnequalCopyError, copy_ledger
from rota.ledger.sqlite_bulk import UNFINISHED
from rota.testing import eventually
from tests.conformance.ledger.desk import NOON, Desk, FakeClock, declared_gone, line, record
from tests.postgres import Postgres
from tests.unit.ledger.test_postgres import connected

HARD = "a\x00b\ud800c'\"\\u0000%s:x\t\n\\N\\.\r ☃𝄞"
MANY = "😀" * 300_000

Address = Callable[[], str]


def nobody(node: Node, now: Instant) -> bool:
    return False


def copied(source: str, target: str) -> list[TableCopy]:
    return copy_ledger(source, target, clock=FakeClock(), is_up=nobody)


@pytest.fixture
def file(tmp_path: Path) -> Address:
    """Makes addresses of files that do not exist."""
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, file: Address) -> Address:
    """Makes addresses of either kind at which nothing is yet."""
    return file if request.param == "file" else request.getfixturevalue("postgres").url


@pytest.fixture(params=["file", "server"])
def source(request: pytest.FixtureRequest, file: Address) -> str:
    """The address of a ledger that has something of everything."""
    url = file() if request.param == "file" else request.getfixturevalue("postgres").url()
    with Desk(url) as desk:
        fill(desk)
    return url


def fill(desk: Desk) -> None:
    """Put something into every table, and runs of every state."""
    desk.register(record("t", description=HARD, trigger_args={"x": HARD}), record("ü", file=None))
    for state in (State.SUCCEEDED, State.FAILED, State.LOST, State.CANCELLED):
        claim = desk.running(fire_time=desk.clock.move(60))
        desk.settle(desk.ending(claim, state, result=float("nan"), reason=HARD))
    huge = {"nul": "\x00", "huge": 2**200, "inf": float("-inf"), "many": MANY}
    first = desk.running("hard", arguments=huge)
    desk.do(lambda tx: tx.log([line(first.run_id, 1, HARD), line(first.run_id, 2, MANY)]))
    desk.settle(desk.ending(first, State.QUEUED, reason=HARD))
    (again,) = desk.claim()
    desk.do(lambda tx: tx.checkpoint(again.run_id, again.fence, huge))
    desk.do(lambda tx: tx.progress(again.run_id, again.fence, {"done": 1, "total": 2}))
    desk.do(lambda tx: tx.remember(again.run_id, again.fence, Step("paid", huge, desk.now)))
    for state in (State.QUEUED, State.SCHEDULED, State.SKIPPED, State.MISSED):
        desk.plan(desk.new("later", desk.clock.move(60), state=state, reason=HARD, priority=-5))
    late = desk.new("t", desk.now - DAY, cause=Cause.BACKFILL)
    desk.plan(late, cursors={"t": desk.now})
    desk.do(lambda tx: tx.pause("ü", desk.now, None, HARD))
    desk.do(lambda tx: tx.add_token(Token("1", "ci", Right.READ, "digest", False, desk.now, None)))
    desk.do(lambda tx: tx.key("sessions"))
    declared_gone(desk, "b")


def answers(url: str) -> dict[str, Any]:
    """What the history answers to every question of the pages."""
    with Desk(url) as desk:
        ask = desk.history
        runs = ask.runs(limit=1000).runs
        of_time = (NOON - 2 * DAY, NOON + DAY, HOUR)
        return {
            "runs": runs,
            "filters": [
                ask.runs(RunFilter(states={state}, since=NOON)).runs for state in State
            ] + [ask.runs(RunFilter(causes={cause})).runs for cause in Cause],
            "of runs": [(ask.attempts(r.id), ask.steps(r.id), ask.logs(r.id)) for r in runs],
            "last": ask.last_runs(),
            "recent": ask.recent_runs(["t", "later"], 60),
            "active": ask.active(),
            "counts": ask.counts(NOON + DAY),
            "failures": set(ask.failures(*of_time)),
            "bundles": set(ask.bundles(*of_time)),
            "tallies": set(ask.tallies(*of_time)),
            "tasks": sorted(ask.tasks(), key=lambda task: task.record.id),
            "nodes": ask.nodes(),
            "tokens": ask.tokens(),
            "audit": ask.audit().changes,
            "key": desk.do(lambda tx: tx.key("sessions")),
        }  # fmt: skip


# --- the same afterwards -------------------------------------------------------------------------


def test_everything_is_there_again(source: str, place: Address) -> None:
    target = place()
    tables = copied(source, target)
    assert [table.name for table in tables] == [table.name for table in TABLES]
    assert all(table.is_equal and table.source.rows for table in tables)
    assert answers(target) == answers(source)


def test_there_and_back_again(source: str, place: Address, file: Address) -> None:
    there, back = place(), file()
    before = [table.source for table in copied(source, there)]
    assert [table.target for table in copied(there, back)] == before


def test_an_empty_ledger_is_copied_to_an_empty_one(place: Address) -> None:
    source, target = place(), place()
    for url in (source, target):
        with Desk(url):
            pass
    assert {table.target.rows for table in copied(source, target)} == {0}


def test_what_no_server_can_keep_is_replaced_as_everywhere(file: Address, place: Address) -> None:
    source, target = file(), place()
    with Desk(source) as desk:
        desk.register(record("t"))
    shell(source, "UPDATE tasks SET name = 'a' || char(0) || 'b'")
    assert all(table.is_equal for table in copied(source, target))
    with Desk(target) as desk:
        assert desk.history.task("t").record.name == "a\u2400b"


def test_who_goes_on_with_the_copy_writes_what_collides_with_nothing(
    source: str, place: Address
) -> None:
    target = place()
    copied(source, target)
    with Desk(target) as desk:
        desk.clock.move(DAY / 1e6)
        known = {(run.task_id, run.fire_time) for run in desk.history.runs(limit=1000).runs}
        assert desk.plan(*(desk.new(task, at) for task, at in known if at is not None)) == []
        desk.ended("new")


def test_only_a_few_rows_are_held_at_once(file: Address, place: Address) -> None:
    source, target = file(), place()
    with Desk(source):
        pass
    shell(
        source,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO logs SELECT 'r', 1, i, i, 'INFO', 't', hex(zeroblob(50000)) FROM n",
    )  # 100 MB
    tracemalloc.start()
    try:
        copied(source, target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40e6


def test_nothing_in_the_tables_counts_by_itself(postgres: Postgres) -> None:
    """So there is no sequence that a copy would have to set."""
    with Desk(postgres.url()) as desk, connected(desk) as connection:
        found = connection.exec_driver_sql(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()"
        )
        assert found.all() == []


# --- the source ----------------------------------------------------------------------------------


def shell(url: str, *statements: str) -> None:
    """Run statements in a ledger that nobody has open."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in statements:
                file.execute(statement)
    else:
        with connected(Desk(url)) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def refused(source: str, target: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        copied(source, target)
    assert getattr(caught.value, "remedy", "")
    assert getattr(caught.value, "where", "")


def test_a_file_is_only_read(file: Address, tmp_path: Path) -> None:
    source = file()
    with Desk(source) as desk:
        fill(desk)
    before = contents(tmp_path)
    target = file()
    copied(source, target)
    made = Path(target.removeprefix("sqlite:///"))
    assert contents(tmp_path) == before | {made.name: made.read_bytes()}


def test_a_file_whose_last_process_was_killed_is_copied_with_its_log(
    file: Address, place: Address, tmp_path: Path
) -> None:
    source, target = file(), place()
    path, killed = Path(source.removeprefix("sqlite:///")), tmp_path / "killed"
    killed.mkdir()
    with Desk(source) as desk:
        fill(desk)
        for part in ("", "-wal"):
            (killed / f"rota.db{part}").write_bytes(Path(f"{path}{part}").read_bytes())
        expected = len(desk.states())
    tables = {table.name: table for table in copied(f"sqlite:///{killed / 'rota.db'}", target)}
    assert tables["runs"].target.rows == expected


@pytest.mark.parametrize(
    ("revision", "error", "words"),
    [("9999", LedgerNewerError, "newer rota"), ("0004", LedgerError, "older rota")],
)
def test_only_a_source_of_this_revision_is_read(
    place: Address, file: Address, revision: str, error: type[LedgerError], words: str
) -> None:
    source, target = place(), file()
    with Desk(source):
        pass
    shell(source, f"UPDATE alembic_version SET version_num = '{revision}'")
    refused(source, target, error, words)
    assert not Path(target.removeprefix("sqlite:///")).exists()


def test_where_no_ledger_is_there_is_none_to_copy(place: Address, file: Address) -> None:
    refused(place(), file(), LedgerError, "There is no ledger")


@pytest.mark.parametrize("pair", [("memory://", "sqlite:///x"), ("sqlite:///x", "mysql://y")])
def test_an_address_that_cannot_be_is_named_by_its_place(pair: tuple[str, str]) -> None:
    refused(*pair, LedgerError, "in memory|names no ledger")


def test_a_source_in_use_is_refused_with_its_nodes(source: str, file: Address) -> None:
    with pytest.raises(StateError, match=r"node a \(process 4711 on host\)") as caught:
        copy_ledger(
            source,
            file(),
            clock=FakeClock(),
            is_up=lambda node, now: node.id == "a" and now >= NOON,
        )
    assert "Stop them" in caught.value.remedy


def test_a_source_that_is_written_to_meanwhile_is_no_copy(source: str, place: Address) -> None:
    target = place()
    with Desk(source) as desk:

        def meanwhile(node: Node, now: Instant) -> bool:
            desk.plan(desk.new("meanwhile"))
            return False

        with pytest.raises(UnequalCopyError, match="differs from its source in runs") as caught:
            copy_ledger(source, target, clock=FakeClock(), is_up=meanwhile)
        unequal = [table for table in caught.value.tables if not table.is_equal]
        assert [table.name for table in unequal] == ["runs", "audit"]
    assert all(table.is_equal for table in copied(source, target))


def test_a_text_that_cannot_be_read_ends_the_copy(file: Address, place: Address) -> None:
    source, target = file(), place()
    with Desk(source) as desk:
        fill(desk)
    shell(source, "UPDATE runs SET reason = CAST(x'ff' AS TEXT) WHERE task_id = 'later'")
    with pytest.raises(LedgerError, match="UTF-8") as caught:
        copied(source, target)
    assert caught.value.where == source
    shell(source, "UPDATE runs SET reason = '' WHERE task_id = 'later'")
    assert all(table.is_equal for table in copied(source, target))


def waits_for_keys(desk: Desk) -> bool:
    """Say whether somebody would read the last table of a ledger, and is kept from it."""
    with connected(desk) as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE '%%FROM keys%%'"
        )
        return found.first() is not None


# --- the target ----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["runs", "nodes", "keys"])
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
                desk.do(lambda tx: tx.key("sessions"))
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


def step(connection: Connection, revision: str) -> None:
    """Make the tables of an older release."""
    config = migrations._config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_who_may_read_an_empty_file_may_read_the_copy(file: Address) -> None:
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
            copying.result(30)
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
