"""The application's own database through SQLAlchemy, from the `database` section.

Importing this opens nothing and reads nothing: the configuration is read when `engine` is first
accessed or the first session is created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from rota_xcore.database.async_sessions import AsyncSessionLocal as AsyncSessionLocal
    from rota_xcore.database.async_sessions import get_async_db as get_async_db
    from rota_xcore.database.engines import dispose as dispose
    from rota_xcore.database.sessions import Base as Base
    from rota_xcore.database.sessions import SessionLocal as SessionLocal
    from rota_xcore.database.sessions import get_db as get_db

    engine: Engine

_HOMES = {
    "AsyncSessionLocal": "async_sessions",
    "get_async_db": "async_sessions",
    "Base": "sessions",
    "SessionLocal": "sessions",
    "get_db": "sessions",
    "dispose": "engines",
}

__all__ = [
    "AsyncSessionLocal",
    "Base",
    "SessionLocal",
    "dispose",
    "engine",
    "get_async_db",
    "get_db",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first access (PEP 562); `engine` is created then, not connected."""
    from importlib import import_module

    if name == "engine":
        return import_module(f"{__name__}.engines").engine()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
