"""PostgreSQL away, cut off, hanging, full or read-only: told as such, and mended by itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from rota.core.ports.ledger import Transaction
from rota.core.run import State
from rota.errors import LedgerError, LedgerNewerError, LedgerUnavailableError
from rota.ledger import migrations, open_ledger
from rota.ledger.postgres import database as adapter
from tests.conformance.ledger.desk import NOON, Desk, FakeClock, ids, line, until
from tests.fault.ledger.proxy import Proxy
from tests.postgres import Postgres

pytestmark = pytest.mark.unsound("its runs have no task", "unknown")


def administrate(postgres: Postgres, *commands: str) -> None:
    with psycopg.connect(f"host={postgres.home} user=postgres", autocommit=True) as connection:
        for command in commands:
            connection.execute(command.encode())


def heals(desk: Desk) -> Callable[[], bool]:
    """Say whether the ledger can be written and read again."""

    def tried() -> bool:
        try:
            desk.plan(desk.new())
            desk.history.runs()
        except LedgerUnavailableError:
            return False
        return True

    return tried


# --- the moment of the commit -------------------------------------------------------------------


def test_a_commit_whose_answer_was_lost_is_found_out_about(
    near: Desk, far: Desk, proxy: Proxy
) -> None:
    far.joined()
    proxy.cut_at_commit = "sent"
    new = far.new(fire_time=NOON)
    assert ids(far.plan(new)) == [new.id]
    proxy.cut_at_commit = "sent"
    (claim,) = far.claim()
    proxy.cut_at_commit = "sent"
    assert far.settle(far.ending(claim)) == []
    assert near.run(new.id).state is State.SUCCEEDED


def test_a_commit_that_never_arrived_is_undone_and_can_be_repeated(
    near: Desk, far: Desk, proxy: Proxy
) -> None:
    new = far.new(fire_time=NOON)
    proxy.cut_at_commit = "unsent"
    with pytest.raises(LedgerUnavailableError):
        far.plan(new)
    assert near.states() == []
    assert ids(far.plan(new)) == [new.id]


def test_a_request_sent_twice_is_done_once(near: Desk) -> None:
    new = near.new(fire_time=NOON)
    assert [len(near.plan(new)) for _ in "ab"] == [1, 0]
    assert [len(near.claim()) for _ in "ab"] == [1, 0]
    claim = near.run(new.id)
    for _ in "ab":
        near.do(lambda tx: tx.log([line(new.id, 1)]))
        assert near.do(lambda tx: tx.checkpoint(new.id, claim.fence, 1))
        assert near.do(lambda tx: tx.cancel(new.id, "manually", near.now)) is State.RUNNING
        assert near.do(lambda tx: tx.heartbeat("a", near.now, near.now, {})).alive
    assert len(near.history.logs(new.id)) == 1


def test_an_end_sent_twice_is_refused_and_stays(near: Desk) -> None:
    ending = near.ending(near.running(), State.FAILED)
    assert near.settle(ending) == []
    run = near.run(ending.attempt.run_id)
    assert near.settle(ending) == [run.id]
    assert near.run(run.id) == run
    assert len(near.history.attempts(run.id)) == 1


# --- the wire ------------------------------------------------------------------------------------


def test_connections_that_were_cut_are_made_again(far: Desk, proxy: Proxy) -> None:
    assert far.history.runs().runs == []
    for _ in range(20):
        proxy.cut()
        until(heals(far))
    assert far.states().count("queued") >= 20
    assert proxy.connections <= 3 + 3 * 20


def test_a_node_refused_by_postgresql_reports_it_and_reconnects(far: Desk, proxy: Proxy) -> None:
    before = threading.active_count()
    proxy.close()
    for _ in range(5):
        with pytest.raises(LedgerUnavailableError, match="reachable"):
            far.plan(far.new())
        with pytest.raises(LedgerUnavailableError):
            far.history.runs()
    assert threading.active_count() <= before


def test_a_server_that_hangs_is_given_up(
    far: Desk, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_HANG_LIMIT", 0.5)
    monkeypatch.setattr(adapter, "_UNKNOWN_FATE", 0.5)
    far.ledger.close()
    far.ledger.open()

    def planned_when_held(tx: Transaction) -> None:
        proxy.hold()
        tx.plan([far.new()])

    with pytest.raises(LedgerUnavailableError):
        far.do(planned_when_held)


# --- the server ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_restarted_server_is_found_again(
    near: Desk, postgres: Postgres, how: signal.Signals
) -> None:
    near.ledger.version()
    threads = threading.active_count()
    postgres.stop(how)
    with pytest.raises(LedgerUnavailableError):
        near.plan(near.new())
    with pytest.raises(LedgerUnavailableError):
        near.history.runs()
    postgres.start()
    until(heals(near))
    assert threading.active_count() <= threads


def test_sessions_ended_by_postgresql_are_opened_again_and_listen_again(
    near: Desk, postgres: Postgres
) -> None:
    near.ledger.version()
    administrate(
        postgres,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rota'",
    )
    until(heals(near))
    with Desk(near.ledger.url, clock=near.clock) as other:
        for _ in range(3):
            before = near.ledger.version()
            other.plan(other.new())
            until(lambda before=before: near.ledger.version() != before)  # type: ignore[misc]


def test_used_up_connections_are_named(near: Desk, postgres: Postgres) -> None:
    administrate(postgres, "DROP ROLE IF EXISTS few", "CREATE ROLE few LOGIN SUPERUSER")
    url = near.ledger.url.replace("postgres@", "few@")
    with Desk(url, clock=near.clock) as desk:
        # Superusers have no limit of their own, so the right is taken away once it is open.
        administrate(postgres, "ALTER ROLE few NOSUPERUSER CONNECTION LIMIT 1")
        with pytest.raises(LedgerUnavailableError, match="max_connections"):
            desk.history.runs()


def test_a_database_that_is_read_only_is_named(near: Desk, postgres: Postgres) -> None:
    administrate(
        postgres,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN SUPERUSER",
        "ALTER ROLE reader SET default_transaction_read_only = on",
    )
    with (
        Desk(near.ledger.url.replace("postgres@", "reader@"), clock=near.clock) as desk,
        pytest.raises(LedgerUnavailableError, match="read-only"),
    ):
        desk.plan(desk.new())


@pytest.mark.parametrize(
    ("servers", "ours"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_what_is_acknowledged_is_durable_whatever_the_server_says(
    near: Desk, postgres: Postgres, servers: str, ours: str
) -> None:
    administrate(
        postgres,
        "DROP ROLE IF EXISTS hasty",
        "CREATE ROLE hasty LOGIN SUPERUSER",
        f"ALTER ROLE hasty SET synchronous_commit = {servers}",
    )
    seen = []
    with Desk(near.ledger.url.replace("postgres@", "hasty@"), clock=near.clock) as desk:

        def look(tx: Transaction) -> None:
            connection = tx._connection  # type: ignore[attr-defined]  # as the writer has it
            seen.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())

        desk.do(look)
    assert seen == [ours]


def test_a_node_that_freezes_in_a_transaction_does_not_hold_up_the_others(
    near: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(adapter._SETTINGS, "idle_in_transaction_session_timeout", "200ms")
    frozen, thawed = threading.Event(), threading.Event()

    def freeze(tx: Transaction) -> None:
        tx.plan([near.new()])
        frozen.set()
        assert thawed.wait(90)

    with Desk(near.ledger.url, clock=near.clock) as other:
        future = other.ledger.write(freeze)
        assert frozen.wait(90)
        near.plan(near.new())  # waits for its turn, which the server takes from the other
        thawed.set()
        with pytest.raises(LedgerUnavailableError, match=r"stood still|reachable"):
            future.result(90)
    assert near.states() == ["queued"]


# --- migrations ----------------------------------------------------------------------------------


def test_a_migration_that_was_killed_leaves_nothing_behind(postgres: Postgres) -> None:
    url = postgres.url()
    schema = str(make_url(url).query["schema"])
    engine = create_engine(f"postgresql+psycopg://postgres@/postgres?host={postgres.home}")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}; SET search_path = {schema}")
        migrations.upgrade(connection)
        raw: Any = connection.connection.dbapi_connection
        raw.pgconn.finish()  # no COMMIT, no ROLLBACK: as a killed process leaves it
        connection.invalidate()
    engine.dispose()
    with Desk(url) as desk:
        desk.plan(desk.new())


def test_a_newer_ledger_is_refused_and_left_as_it_is(near: Desk, postgres: Postgres) -> None:
    url = near.ledger.url
    schema = str(make_url(url).query["schema"])
    administrate(postgres, f"UPDATE {schema}.alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerNewerError, match="9999"):
        open_ledger(url, clock=FakeClock()).open()
    with psycopg.connect(f"host={postgres.home} user=postgres") as connection:
        found = connection.execute(f"SELECT version_num FROM {schema}.alembic_version".encode())
        assert found.fetchall() == [("9999",)]


def test_tables_of_other_software_are_left_alone(postgres: Postgres) -> None:
    url = postgres.url()
    schema = str(make_url(url).query["schema"])
    administrate(postgres, f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.runs (mine text)")
    with pytest.raises(LedgerError, match="belongs to something else"):
        open_ledger(url, clock=FakeClock()).open()
