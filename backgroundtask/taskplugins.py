"""The container of this project's tasks: four that every installation can use.

Their times, retries and limits stand in TASK_DEFINITIONS; what they do in detail stands in the
files beside this one whose names begin with `_`.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import rota
from backgroundtask import _condition, _external, _figures, _files, _report
from loggers import get_logger
from manager import Manager
from manager.schemas.taskManager import TaskCreate  # noqa: F401 - at hand in every container
from manager.task.taskmanager import TaskManager

logger = get_logger("backgroundtask")

REPORTS = Path("reports")
EXTERNAL = Path("var/external")


async def cleanup_old_logs() -> dict[str, int]:
    """Delete rotated log files and recorded runs that are older than `manager.retention_days`.

    Returns how many files, rows and bytes that were.
    """
    logger.info("Starting log cleanup task")
    config = Manager.task_manager.config
    before = datetime.now(UTC) - timedelta(days=config.manager.retention_days)
    files, size = 0, 0
    if config.loggers.log_file is None:
        logger.info("No loggers.log_file is configured: there are no log files to delete")
    else:
        log_file = Path(config.loggers.log_file)
        files, size = await asyncio.to_thread(_files.delete_rotated, log_file, before)
    rows = await asyncio.to_thread(Manager.task_manager.prune)
    logger.info("Log cleanup completed: %d files, %d rows, %d bytes", files, rows, size)
    return {"files": files, "rows": rows, "bytes": size}


async def send_daily_reports() -> dict[str, Any]:
    """Write and send what every task did yesterday (UTC), as HTML and as plain text.

    Returns where the report is and to how many of the channels in `reports.apprise_urls` it went;
    raises RuntimeError when one of them could not be reached.
    """
    logger.info("Sending daily reports")
    task_manager = Manager.task_manager
    day = _due_date() - timedelta(days=1)
    tasks = await asyncio.to_thread(task_manager.list_tasks)
    names = {task.id: task.name for task in tasks}
    figures = await _figures.collect(task_manager.history, day, names)
    html, text = _report.as_html(day, figures), _report.as_text(day, figures)
    target = REPORTS / f"{day.isoformat()}.html"
    await asyncio.to_thread(_files.write_atomically, target, html.encode())
    await asyncio.to_thread(_files.write_atomically, target.with_suffix(".txt"), text.encode())
    way = _report.Way.configured(task_manager.config)
    title = f"Daily report for {day}"
    await asyncio.to_thread(_report.send, way, title, text)
    logger.info("Daily reports sent: %s, %d channels", target, len(way.apprise_urls))
    return {"report": str(target), "tasks": len(figures), "channels": len(way.apprise_urls)}


async def sync_external_data() -> dict[str, Any]:
    """Fetch the file at `external_data.url` into var/external/ if it has changed there.

    Returns what came of it; raises RuntimeError for what cannot be fetched or is too large.
    """
    logger.info("Starting data sync")
    source = _external.Source.configured(Manager.task_manager.config)
    if source is None:
        logger.info("Nothing to sync: no external_data.url is configured")
        return {"status": "not configured"}
    outcome = await _external.fetch(source, EXTERNAL)
    logger.info("Data sync completed: %s", ", ".join(f"{k} {v}" for k, v in outcome.items()))
    return outcome


async def health_check() -> dict[str, Any]:
    """Look at disk, memory, database, ledger, clock and threads, and return the figures.

    Raises RuntimeError that names everything that is wrong.
    """
    figures, reasons = await _condition.examine(Manager.task_manager)
    if reasons:
        raise RuntimeError("; ".join(reasons))
    logger.info("Everything is well")
    return figures


TASK_DEFINITIONS: list[dict[str, Any]] = [
    {
        "id": "cleanup_old_logs",
        "name": "Cleanup Old Logs",
        "func": cleanup_old_logs,
        "trigger": "cron",
        "trigger_args": {"hour": 0, "minute": 0},
        "enabled": True,
        "max_retries": 3,
        "timeout": 300,
    },
    {
        "id": "send_daily_reports",
        "name": "Send Daily Reports",
        "func": send_daily_reports,
        "trigger": "cron",
        "trigger_args": {"hour": 9, "minute": 0},
        "enabled": True,
        "max_retries": 2,
        "timeout": 600,
    },
    {
        "id": "sync_external_data",
        "name": "Sync External Data",
        "func": sync_external_data,
        "trigger": "interval",
        "trigger_args": {"hours": 1},
        "enabled": False,  # until external_data.url is configured
        "max_retries": 3,
        "timeout": 1800,
    },
    {
        "id": "health_check",
        "name": "System Health Check",
        "func": health_check,
        "trigger": "interval",
        "trigger_args": {"minutes": 5},
        "enabled": True,
        "max_retries": 1,
        "timeout": 30,
    },
]


def register_tasks(task_manager: TaskManager) -> None:
    """Add every definition to a task manager; a bad one is logged and does not stop the others."""
    for definition in TASK_DEFINITIONS:
        try:
            task_manager.add_task(
                func=definition["func"],
                trigger=definition["trigger"],
                id=definition["id"],
                **definition["trigger_args"],
                enabled=definition.get("enabled", True),
                max_retries=definition.get("max_retries", 3),
                timeout=definition.get("timeout", 300),
            )
            logger.info("Registered task: %s", definition["name"])
        except Exception as error:
            logger.error("Failed to register task %s: %s", definition["id"], error)


def _due_date() -> date:
    """Return the day for which this run was due; today outside of a run or by hand."""
    try:
        due = rota.current_run().fire_time
    except rota.errors.NotRunningError:
        due = None
    return (due or datetime.now(UTC)).date()
