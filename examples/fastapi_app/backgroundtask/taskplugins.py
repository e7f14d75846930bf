"""The shop's background tasks."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cache import CacheManager
from database.db import SessionLocal
from loggers import get_logger
from manager.task.taskmanager import TaskManager
from sqlalchemy import delete, select

from auth.models import UserSession
from plugins.my_plugin.models import Product

logger = get_logger("backgroundtask")
cache = CacheManager()

LOGS = Path("logs")
KEEP = timedelta(days=7)


async def cleanup_old_logs() -> int:
    """Delete the rotated log files that are older than a week, and return how many."""
    deleted = await asyncio.to_thread(delete_files, datetime.now(UTC) - KEEP)
    logger.info("Deleted %d log files", deleted)
    return deleted


def delete_files(before: datetime) -> int:
    """Delete the rotated log files last written before, and return how many."""
    old = [path for path in LOGS.glob("*.log.*") if path.stat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def cleanup_expired_sessions() -> int:
    """Delete the sessions that have expired, and return how many; runs in a thread."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with SessionLocal.begin() as db:
        expired = db.scalars(
            delete(UserSession).where(UserSession.expires_at < now).returning(UserSession.id)
        ).all()
    logger.info("Deleted %d expired sessions", len(expired))
    return len(expired)


async def refresh_products() -> int:
    """Put every product into the cache for an hour, and return how many."""
    with SessionLocal() as db:
        products = [product.to_dict() for product in db.scalars(select(Product))]
    for product in products:
        await cache.set(f"product:{product['id']}", product, ttl=3600)
    logger.info("Refreshed %d products", len(products))
    return len(products)


TASK_DEFINITIONS: list[dict[str, Any]] = [
    {
        "id": "cleanup_old_logs",
        "name": "Delete old log files",
        "func": cleanup_old_logs,
        "trigger": "cron",
        "trigger_args": {"hour": 0, "minute": 0},
    },
    {
        "id": "cleanup_expired_sessions",
        "name": "Delete expired sessions",
        "func": cleanup_expired_sessions,
        "trigger": "cron",
        "trigger_args": {"minute": "*/10"},
        "max_retries": 5,
    },
    {
        "id": "refresh_products",
        "name": "Refresh products in the cache",
        "func": refresh_products,
        "trigger": "interval",
        "trigger_args": {"seconds": 30},
        "timeout": 20,
    },
]


def register_tasks(task_manager: TaskManager) -> None:
    """Add every task; one that is wrong is logged and does not stop the others."""
    for definition in TASK_DEFINITIONS:
        options = dict(definition)
        trigger_args = options.pop("trigger_args")
        try:
            task_manager.add_task(**options, **trigger_args)
        except Exception:
            logger.exception("Failed to register task %s", definition["id"])
