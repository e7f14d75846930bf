"""`SessionLocal`, `Base` and `get_db`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from rota_xcore.database.engines import engine


class Base(DeclarativeBase):
    """The base class of the application's models."""


class _Sessions(sessionmaker[Session]):
    """A session factory that binds sessions to the engine of the configuration."""

    def __call__(self, **options: Any) -> Session:
        if self.kw.get("bind") is None and "bind" not in options:
            options["bind"] = engine()
        return super().__call__(**options)


SessionLocal = _Sessions()


def get_db() -> Iterator[Session]:
    """Yield a session and close it afterwards: a FastAPI dependency."""
    with SessionLocal() as session:
        yield session
