"""Runs that are enqueued by the application's own connection: there exactly if that commits."""

from __future__ import annotations

import asyncio
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


globals().pop("__rota_tasks__", None)  # else the next manager that starts here takes it in


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.url()


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
