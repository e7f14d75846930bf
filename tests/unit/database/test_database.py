"""Sessions of the application's database: lazy, real files, several threads."""

from __future__ import annotations

import builtins
import gc
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

import rota.config
import rota_xcore.database
from rota.config import Xcorecfg
from rota.errors import ConfigError
from rota_xcore.database import AsyncSessionLocal, Base, SessionLocal, dispose, get_async_db, get_db


class Product(Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture(autouse=True)
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test in an empty directory, without engines or a process configuration."""
    monkeypatch.chdir(tmp_path)
    rota.config.use(None)
    yield
    dispose()
    rota.config.use(None)


def configured(**database: Any) -> None:
    rota.config.use(Xcorecfg.model_validate({"database": database}))


def test_the_default_is_an_sqlite_file_made_with_the_first_statement() -> None:
    engine = rota_xcore.database.engine
    session = SessionLocal()
    assert isinstance(engine, Engine)
    assert list(Path().iterdir()) == []
    Base.metadata.create_all(engine)
    session.add(Product(id=1))
    session.commit()
    session.close()
    assert Path("app.db").exists()
    assert rota_xcore.database.engine is engine


def test_sqlite_lets_readers_and_writers_pass_each_other() -> None:
    with SessionLocal() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA busy_timeout")) == 30000


def test_many_threads_write_at_once() -> None:
    Base.metadata.create_all(rota_xcore.database.engine)

    def add(number: int) -> None:
        with SessionLocal.begin() as session:
            session.add(Product(id=number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with SessionLocal() as session:
        assert session.scalar(select(func.count()).select_from(Product)) == 40


def test_get_db_closes_its_session() -> None:
    sessions = get_db()
    session = next(sessions)
    session.execute(text("SELECT 1"))
    assert session.in_transaction()
    sessions.close()  # type: ignore[attr-defined]
    assert not session.in_transaction()


def test_a_session_may_be_given_another_engine() -> None:
    other = create_engine("sqlite://")
    with SessionLocal(bind=other) as session:
        assert session.get_bind() is other
    assert list(Path().iterdir()) == []
    other.dispose()


def test_pool_settings_reach_the_engine() -> None:
    configured(url="sqlite:///x.db", pool_size=2, max_overflow=0, pool_timeout=0.01)
    engine = rota_xcore.database.engine
    with engine.connect(), engine.connect(), pytest.raises(Exception, match="timed out"):
        engine.connect()


def test_a_database_in_memory_is_shared_by_all_threads() -> None:
    configured(url="sqlite://")
    Base.metadata.create_all(rota_xcore.database.engine)
    with ThreadPoolExecutor(1) as pool, SessionLocal() as session:
        assert pool.submit(lambda: session.scalar(select(func.count(Product.id)))).result() == 0


def test_a_read_only_file_can_be_read() -> None:
    configured(url="sqlite:///x.db")
    with rota_xcore.database.engine.begin() as connection:
        connection.execute(text("PRAGMA journal_mode = DELETE"))
        connection.execute(text("CREATE TABLE t (x)"))
    dispose()
    configured(url="sqlite:///file:x.db?mode=ro&uri=true")
    with SessionLocal() as session:
        assert session.execute(text("SELECT * FROM t")).all() == []


def test_the_engine_of_an_async_url_is_a_plain_one() -> None:
    configured(url="sqlite+aiosqlite:///x.db")
    assert rota_xcore.database.engine.url.get_driver_name() == "pysqlite"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nosuch://user:hunter2@host/x", "no database 'nosuch'"),
        ("postgresql+psycopg2://user:hunter2@host/x", "pip install psycopg2"),
        ("sqlite://user:hunter2@host:port/x", "not a SQLAlchemy URL"),
    ],
)
def test_an_unreachable_url_is_reported_without_its_password(url: str, told: str) -> None:
    configured(url=url)
    with pytest.raises(ConfigError) as caught:
        SessionLocal()
    assert told in str(caught.value)
    assert caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_a_broken_config_file_is_reported_with_the_first_session() -> None:
    Path("config.json").write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        SessionLocal()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_opens_connections_of_its_own() -> None:
    engine = rota_xcore.database.engine
    with engine.connect():
        pass
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    child = os.fork()
    if child == 0:
        os._exit(engine.pool.checkedin())  # type: ignore[attr-defined]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_async_sessions_say_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sqlalchemy.ext.asyncio", raising=False)
    load = builtins.__import__

    def without_asyncio(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sqlalchemy.ext.asyncio":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_asyncio)
    with pytest.raises(ConfigError, match=r"pip install 'sqlalchemy\[asyncio\]'"):
        AsyncSessionLocal()


@pytest.mark.asyncio
async def test_async_sessions_read_and_write_the_same_file() -> None:
    pytest.importorskip("greenlet")
    pytest.importorskip("aiosqlite")
    Base.metadata.create_all(rota_xcore.database.engine)
    async with AsyncSessionLocal() as session:
        product = Product(id=5)
        session.add(product)
        await session.commit()
        assert product.id == 5
    async for session in get_async_db():
        assert await session.scalar(select(Product.id)) == 5
        assert await session.scalar(text("PRAGMA journal_mode")) == "wal"
    gc.collect()


def test_async_sessions_work_on_any_event_loop() -> None:
    pytest.importorskip("greenlet")
    pytest.importorskip("aiosqlite")
    import asyncio

    async def one() -> Any:
        async with AsyncSessionLocal() as session:
            return await session.scalar(text("SELECT 1"))

    assert [asyncio.run(one()), asyncio.run(one())] == [1, 1]


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sessions'"):
        _ = rota_xcore.database.Sessions
