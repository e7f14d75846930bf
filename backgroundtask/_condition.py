"""How this machine and this node are."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from manager.task.taskmanager import TaskManager

PATIENCE = 10.0
"""Seconds that one look may take."""

MEGABYTE = 2**20
LEAST_FREE = {"disk": 500, "memory": 100}
"""Megabytes; `health_check.least_free` in config.json replaces them."""


class Unwell(Exception):
    """What is wrong, reason by reason."""


async def examine(task_manager: TaskManager) -> tuple[dict[str, Any], list[str]]:
    """Return the figures of everything that answered, and a reason for everything wrong."""
    section = getattr(task_manager.config, "health_check", None) or {}
    least = {**LEAST_FREE, **section.get("least_free", {})}
    looks: dict[str, Callable[[], Any]] = {
        "disk": lambda: _enough(shutil.disk_usage(Path.cwd()).free, least["disk"]),
        "memory": lambda: _enough(psutil.virtual_memory().available, least["memory"]),
        "database": _database,
        "node": lambda: _node(task_manager),
    }
    found = await asyncio.gather(*map(_look, looks.values()), return_exceptions=True)
    figures: dict[str, Any] = dict(zip(looks, found, strict=True))
    reasons = [
        f"{name}: {reason}"
        for name, value in figures.items()
        if isinstance(value, BaseException)
        for reason in _reasons(value)
    ]
    return figures, reasons


async def _look(look: Callable[[], Any]) -> Any:
    return await asyncio.wait_for(asyncio.to_thread(look), PATIENCE)


def _reasons(error: BaseException) -> list[str]:
    if isinstance(error, Unwell):
        return [str(reason) for reason in error.args]
    if isinstance(error, TimeoutError):
        return [f"no answer within {PATIENCE:g} s"]
    return [f"{type(error).__name__}: {error}".partition("\n")[0]]


def _enough(free: int, least: float) -> dict[str, int]:
    megabytes = free // MEGABYTE
    if megabytes < least:
        raise Unwell(f"only {megabytes} MB are free, less than {least}")
    return {"free_megabytes": megabytes}


def _database() -> dict[str, str]:
    from database.db import SessionLocal

    with SessionLocal() as session:
        session.execute(text("SELECT 1"))
    return {"state": "ok"}


def _node(task_manager: TaskManager) -> dict[str, Any]:
    """Return the node's figures: ledger, age of the last tick, stuck threads, blocked loop."""
    if not task_manager.running:
        task_manager.list_tasks()  # opens the ledger, or says why it cannot
        return {"status": "not running in this process"}
    health = task_manager.health()
    if health["reasons"]:
        raise Unwell(*health["reasons"])
    return {key: health[key] for key in ("status", "tick_age", "ledger", "running", "stuck")}
