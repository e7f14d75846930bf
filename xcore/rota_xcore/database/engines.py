"""The two engines of the process, created from the configuration when they are first needed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, NullPool, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from rota.config import current, redact_url
from rota.errors import ConfigError
from rota.runtime import fork_safety

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_BUSY_SECONDS = 30
_ASYNC_DRIVERS = {
    "sqlite": "aiosqlite",
    "postgresql": "psycopg",
    "mysql": "aiomysql",
    "mariadb": "aiomysql",
}
_SYNC_DRIVERS = {"aiosqlite": "pysqlite", "asyncpg": "psycopg", "aiomysql": "pymysql"}

_lock = fork_safety.new_lock()
_engine: Engine | None = None
_async_engine: AsyncEngine | None = None


def engine() -> Engine:
    """Return the engine of this process; raises ConfigError for a bad URL or a missing driver."""
    global _engine
    with _lock:
        if _engine is None:
            _engine = _built()
        return _engine


def async_engine() -> AsyncEngine:
    """Return the async engine of this process; raises ConfigError as `engine` does.

    Each session has its own connection, so any event loop may use it.
    """
    global _async_engine
    with _lock:
        if _async_engine is None:
            _async_engine = _built_async()
        return _async_engine


def dispose() -> None:
    """Close the pooled connections and drop both engines; the next use creates new ones."""
    global _engine, _async_engine
    with _lock:
        if _engine is not None:
            _engine.dispose()
        _engine = _async_engine = None


def _built() -> Engine:
    settings = current().database
    url = _url(settings.url)
    if _driver(url) in _SYNC_DRIVERS:
        url = _with_driver(url, _SYNC_DRIVERS[_driver(url)])
    options: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": settings.max_overflow,
        "pool_timeout": settings.pool_timeout,
        "pool_pre_ping": not _is_sqlite(url),
    }
    if _in_memory(url):  # the database is a single connection, which all threads share
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    made: Engine = _made(create_engine, url, echo=settings.echo, **options)
    _tuned(made, url)
    return made


def _built_async() -> AsyncEngine:
    try:
        from sqlalchemy.ext.asyncio import create_async_engine
    except ImportError:
        raise ConfigError(
            "async sessions need the package 'greenlet'.",
            where="AsyncSessionLocal",
            remedy="Run: pip install 'sqlalchemy[asyncio]'",
        ) from None
    settings = current().database
    url = _url(settings.url)
    if _driver(url) not in _SYNC_DRIVERS:
        url = _with_driver(url, _ASYNC_DRIVERS.get(url.get_backend_name(), ""))
    pool = StaticPool if _in_memory(url) else NullPool
    made: AsyncEngine = _made(create_async_engine, url, echo=settings.echo, poolclass=pool)
    _tuned(made.sync_engine, url)
    return made


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # ValueError: the port is not a number
        raise ConfigError(
            f"{redact_url(text)!r} is not a SQLAlchemy URL.",
            where="database.url",
            remedy="Write sqlite:///app.db or postgresql+psycopg://user:password@host/name.",
        ) from None


def _driver(url: URL) -> str:
    return url.drivername.partition("+")[2]


def _with_driver(url: URL, driver: str) -> URL:
    backend = url.get_backend_name()
    return url.set(drivername=f"{backend}+{driver}" if driver else backend)


def _made(create: Any, url: URL, **options: Any) -> Any:
    """Return a new engine; raises ConfigError if its dialect or driver is not installed."""
    try:
        return create(url, **options)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the driver {error.name!r} is not installed.",
            where=f"database.url {url.render_as_string()}",
            remedy=f"Run: pip install {error.name}",
        ) from None
    except NoSuchModuleError:
        raise ConfigError(
            f"SQLAlchemy knows no database {url.drivername!r}.",
            where="database.url",
            remedy="Write the name before ://, like sqlite, postgresql+psycopg or mysql+pymysql.",
        ) from None


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _in_memory(url: URL) -> bool:
    return _is_sqlite(url) and url.database in (None, "", ":memory:")


def _tuned(made: Engine, url: URL) -> None:
    """Let SQLite's readers and writers run at once; a forked child drops our connections."""
    if _is_sqlite(url):
        event.listen(made, "connect", _prepare_sqlite)
    fork_safety.in_child(lambda: made.dispose(close=False))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        with suppress(sqlite3.OperationalError):  # a read-only file keeps its journal mode
            cursor.execute("PRAGMA journal_mode = WAL")
    finally:
        cursor.close()
