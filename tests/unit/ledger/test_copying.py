"""A whole ledger copied, between files and servers: the same afterwards, or nothing at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from rota.core.ports.records import NodeRecord
from rota.core.time import DAY, Instant
from rota.errors import LedgerError, LedgerNewerError, StateError
from rota.ledger.transfer.bulk import TABLES
from rota.ledger.transfer.copying import UnequalCopyError, copy_ledger
from tests.conformance.ledger.desk import NOON, Desk, FakeClock, record
from tests.postgres import Postgres
from tests.unit.ledger.copies import Address, answers, contents, copied, fill, refused, shell
from tests.unit.ledger.test_postgres import connected

# --- the same afterwards -------------------------------------------------------------------------


def test_a_copy_contains_every_row(source: str, place: Address) -> None:
    target = place()
    tables = copied(source, target)
    assert [table.name for table in tables] == [table.name for table in TABLES]
    assert all(table.is_equal for table in tables)
    # The keys are those of a release before: nothing of this one writes any.
    assert {table.name for table in tables if not table.source.rows} == {"keys"}
    assert answers(target) == answers(source)


def test_a_ledger_survives_the_copy_to_another_database_and_back(
    source: str, place: Address, file: Address
) -> None:
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


def test_new_rows_in_a_copy_collide_with_no_copied_row(source: str, place: Address) -> None:
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
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
        " INSERT INTO logs SELECT 'r', 1, i, i, 'INFO', 't', hex(zeroblob(50000)) FROM n",
    )  # 60 MB
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

        def meanwhile(node: NodeRecord, now: Instant) -> bool:
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
