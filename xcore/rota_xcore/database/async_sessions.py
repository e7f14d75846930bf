"""`AsyncSessionLocal` and `get_async_db`; SQLAlchemy's asyncio part is loaded on first use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from rota_xcore.database.engines import async_engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


def AsyncSessionLocal(**options: Any) -> AsyncSession:
    """Return a new async session; raises ConfigError if greenlet or an async driver is missing.

    Objects stay readable after a commit: reloading them would need an await.
    """
    bind = options.pop("bind", None) or async_engine()
    from sqlalchemy.ext.asyncio import AsyncSession

    return AsyncSession(bind, **{"expire_on_commit": False, **options})


async def get_async_db() -> AsyncIterator[AsyncSession]:
    """Yield an async session and close it afterwards: a FastAPI dependency."""
    async with AsyncSessionLocal() as session:
        yield session
