"""Runs that are enqueued by the application's own connection: there exactly if that commits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import rota
from rota.errors import StateError, UnknownRunError
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests.postgres import Postgres
from tests.postgres import postgres as postgres


@rota.task(id="tx.double")
def double(n: int) -> int:
    return 2 * n


PROJECT = Path(__file__).parents[3]

globals().pop("__rota_tasks__", None)  # else the next manager that starts here takes it in


@pytest.fixture
def url(postgres_ledger: str) -> str:
    return postgres_ledger


@pytest.fixture
def web(url: str, tmp_path: Path) -> Iterator[Harness]:
    """A process that only enqueues."""
    harness = Harness(tmp_path, SystemClock(), ledger_url=url)
    harness.manager.add_task(double)
    yield harness
    harness.manager.shutdown()


def address(url: str, driver: str = "") -> Any:
    """The address of the database as the application has it, without the ledger's schema."""
    parsed = make_url(url).difference_update_query(["schema"])
    return parsed.set(drivername=f"postgresql{driver}")


def connected(url: str, **how: Any) -> psycopg.Connection[Any]:
    return psycopg.connect(address(url).render_as_string(hide_password=False), **how)


def test_psycopg(web: Harness, url: str) -> None:
    with connected(url, row_factory=dict_row) as connection:
        handle = double.with_options(connection=connection, key="k").enqueue(1)
        with pytest.raises(UnknownRunError):
            _ = handle.state
        connection.rollback()
        assert web.runs() == []
        handle = double.with_options(connection=connection, key="k", delay=60).enqueue(1)
        again = double.with_options(connection=connection, key="k").enqueue(2)
        assert (again, again.is_new) == (handle, False)
        connection.commit()
    assert handle.state == "scheduled"
    (run,) = web.runs()
    assert (run.key, run.arguments) == ("k", {"n": 1})


def test_a_node_hears_of_it_after_the_commit(web: Harness, url: str, tmp_path: Path) -> None:
    node = Harness(tmp_path, SystemClock(), ledger_url=url)
    node.manager.add_task(double)
    with node, connected(url) as connection:
        handle = web.manager.enqueue("tx.double", arguments={"n": 4}, connection=connection)
        connection.commit()
        assert handle.result(30) == 8


def test_keys_by_every_conflict(web: Harness, url: str) -> None:
    with connected(url, autocommit=True) as connection:
        once = double.with_options(connection=connection, key="k")
        first = once.enqueue(1)
        with pytest.raises(StateError, match="key 'k'"):
            once.with_options(on_conflict="error").enqueue(2)
        second = once.with_options(on_conflict="replace").enqueue(3)
    assert (first.state, second.state) == ("cancelled", "queued")


def test_sqlalchemy(web: Harness, url: str) -> None:
    engine = create_engine(address(url, "+psycopg"))
    with engine.connect() as connection:
        double.with_options(connection=connection).enqueue(1)
        connection.rollback()
        double.with_options(connection=connection).enqueue(2)
        connection.commit()
    with Session(engine) as session:
        double.with_options(connection=session).enqueue_many([(3,), (4,)])
        session.commit()
        double.with_options(connection=session).enqueue(5)
    engine.dispose()
    assert [run.arguments for run in web.runs()] == [{"n": 2}, {"n": 3}, {"n": 4}]


def test_connections_of_an_event_loop(web: Harness, url: str) -> None:
    import asyncpg

    async def main() -> None:
        plain = make_url(url)
        own = await asyncpg.connect(
            host=plain.query["host"], user=plain.username, database=plain.database
        )
        with pytest.raises(RuntimeError):
            async with own.transaction():
                await double.with_options(connection=own).aenqueue(0)
                raise RuntimeError
        async with own.transaction():
            await double.with_options(connection=own, key="a").aenqueue(1)
        with pytest.raises(StateError, match="Await aenqueue"):
            double.with_options(connection=own).enqueue(1)
        await own.close()
        text = address(url).render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(text) as other:
            await web.manager.aenqueue("tx.double", arguments={"n": 2}, connection=other)
        engine = create_async_engine(address(url, "+psycopg"))
        async with AsyncSession(engine) as session:
            await double.with_options(connection=session).aenqueue(3)
            await session.rollback()
            await double.with_options(connection=session).aenqueue(4)
            await session.commit()
        await engine.dispose()

    asyncio.run(main())
    assert [run.arguments for run in web.runs()] == [{"n": 1}, {"n": 2}, {"n": 4}]


def test_a_connection_elsewhere_is_refused(web: Harness, postgres: Postgres) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as lite, pytest.raises(StateError, match="it is on sqlite"):
        double.with_options(connection=lite).enqueue(1)
    engine.dispose()
    with pytest.raises(StateError, match="no connection to PostgreSQL that is known"):
        double.with_options(connection=object()).enqueue(1)
    assert web.runs() == []


def test_a_ledger_elsewhere_takes_a_hook(tmp_path: Path, url: str) -> None:
    harness = Harness(tmp_path)
    harness.manager.add_task(double, id="lite")
    hooks: list[Any] = []
    with connected(url) as connection, pytest.raises(StateError, match="the ledger is sqlite"):
        harness.manager.enqueue("lite", arguments={"n": 1}, connection=connection)
    handle = harness.manager.enqueue("lite", arguments={"n": 1}, on_commit=hooks.append)
    assert harness.runs() == []
    hooks[0]()
    assert handle.state == "queued"
    harness.manager.shutdown()


# --- Django -------------------------------------------------------------------------------------


def django_saw(ledger: str, place: str) -> dict[str, Any]:
    """What an application of Django saw, on PostgreSQL in that directory or in that SQLite file."""
    command = [sys.executable, "-m", "tests.conformance.ledger.django_app", ledger, place]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_djangos_connection_on_the_ledgers_database(
    web: Harness, url: str, postgres: Postgres
) -> None:
    web.manager.run_task("tx.double", arguments={"n": 0})
    assert django_saw(url, str(postgres.home)) == {
        "rolled back": [0],
        "before the commit": [0],
        "committed": [0, 2],
        "state": "queued",
        "inner": [0, 2, 3],
        "alone": [0, 2, 3, 5],
        "taken": "key",
        "in the end": [0, 2, 3, 5],
    }


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"])
def test_djangos_on_commit_is_used_by_itself_elsewhere(
    ledger: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if ledger == "postgres":
        url = request.getfixturevalue("url")
    harness = Harness(tmp_path, SystemClock(), ledger_url=url)
    harness.manager.add_task(double)
    harness.manager.run_task("tx.double", arguments={"n": 0})
    seen = django_saw(url, str(tmp_path / "app.db"))
    harness.manager.shutdown()
    assert seen == {
        "rolled back": [0],
        "before the commit": [0],
        "committed": [0, 2],
        "state": "queued",
        "inner": [0, 2, 3],
        "alone": [0, 2, 3, 5],
        "not refused": "in the transaction",  # which is when nothing was asked for yet
        "taken": "key",
        "in the end": [0, 2, 3, 5],
    }


# --- connections that commit each statement -----------------------------------------------------


def test_a_connection_that_commits_each_statement_writes_all_or_nothing(
    web: Harness, url: str
) -> None:
    web.manager.verify()  # which makes the tables
    with connected(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION {schema(url)}.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {schema(url)}.runs"
            f" EXECUTE FUNCTION {schema(url)}.refuse()"
        )
        engine = create_engine(address(url, "+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as other:
            for one in (connection, other):
                with pytest.raises(Exception, match="refused"):
                    double.with_options(connection=one, key="k").enqueue(1)
                keys = connection.execute(f"SELECT count(*) FROM {schema(url)}.run_keys")
                assert keys.fetchone() == (0,)
        connection.execute(f"DROP FUNCTION {schema(url)}.refuse CASCADE")
        with engine.connect() as other:
            handle = double.with_options(connection=other, key="k").enqueue(2)
        engine.dispose()
        assert double.with_options(connection=connection, key="k").enqueue(3) == handle
        with connection.transaction(force_rollback=True):
            double.with_options(connection=connection).enqueue(4)
    assert [run.arguments for run in web.runs()] == [{"n": 2}]


def schema(url: str) -> str:
    return str(make_url(url).query["schema"])
