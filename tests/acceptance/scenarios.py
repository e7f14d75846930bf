"""Runs one block of the document inside a project, and then really uses what it defines.

A program of its own: `python scenarios.py HEADING FILE`, in the project's directory. What the
document leaves to the reader, each scenario gives to its block.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

Load = Callable[[], Any]
"""Runs the block and returns it as a module."""

SCENARIOS: dict[str, Callable[[Load], None]] = {}


def scenario(heading: str) -> Callable[[Callable[[Load], None]], Callable[[Load], None]]:
    """Register how the block under a heading is used."""

    def register(use: Callable[[Load], None]) -> Callable[[Load], None]:
        SCENARIOS[heading] = use
        return use

    return register


@scenario("Task Container (`taskplugins.py`)")
def container(load: Load) -> None:
    from manager.task.taskmanager import TaskManager

    block = load()
    for definition in block.TASK_DEFINITIONS:
        with logged() as messages:
            asyncio.run(definition["func"]())
        assert len(messages) == (0 if definition["id"] == "health_check" else 2), messages
    task_manager = TaskManager()
    block.register_tasks(task_manager)
    enabled = {task.id: task.enabled for task in task_manager.list_tasks()}
    assert enabled == {
        "cleanup_old_logs": True,
        "health_check": True,
        "send_daily_reports": True,
        "sync_external_data": False,
    }
    task_manager.shutdown()


@scenario("Creating a New Task")
def expired_sessions(load: Load) -> None:
    block, database = load(), tables()
    sessions = import_module("auth.models").UserSession
    now = datetime.now(UTC).replace(tzinfo=None)
    with database.SessionLocal.begin() as db:
        for user, hours in {"ada": -1, "grace": 1, "alan": -2}.items():
            db.add(sessions(user=user, expires_at=now + timedelta(hours=hours)))
    with logged() as messages:
        asyncio.run(block.cleanup_expired_sessions())
    with database.SessionLocal() as db:
        assert [session.user for session in db.query(sessions)] == ["grace"]
    assert messages == ["Cleaned up 2 expired sessions"]
    sessions.__table__.drop(database.engine)
    assert isinstance(raised(block.cleanup_expired_sessions), Exception)


@scenario("Task with Dependencies")
def cached_products(load: Load) -> None:
    block = load()
    products(*range(1, 4))

    async def use() -> Any:
        await block.refresh_cache_data()
        return await block.cache.get("product:2")

    assert asyncio.run(use()) == {"id": 2, "name": "tea 2", "price": 200}


@scenario("Conditional Task Execution")
def both_modes(load: Load) -> None:
    for enabled, told in (
        (False, "Skipping premium task - not enabled"),
        (True, "Running premium task"),
    ):
        block = load()
        assert block.config.premium_features_enabled is False
        block.config.premium_features_enabled = enabled
        with logged() as messages:
            asyncio.run(block.premium_only_task())
        assert messages == [told]


@scenario("Error Handling and Retries")
def api_calls(load: Load) -> None:
    block = load()
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    block.asyncio = ModuleType("asyncio")
    block.asyncio.sleep = sleep
    block.call_external_api = failing(2)
    assert asyncio.run(block.api_sync_task()) == "answer"
    block.call_external_api = failing(3)
    assert isinstance(raised(block.api_sync_task), ConnectionError)
    assert waited == [5, 5] * 2


@scenario("Automatic Registration")
def at_startup(load: Load) -> None:
    from manager import Manager

    products(1)
    asyncio.run(load().startup_event())
    assert Manager.task_manager.running
    run_to_success(Manager.task_manager, "refresh_products")
    assert Manager.task_manager.shutdown()


@scenario("Manual Registration")
def by_hand(load: Load) -> None:
    task_manager = load().task_manager
    assert task_manager.running
    assert [task.id for task in task_manager.list_tasks()] == ["cleanup_logs"]
    run_to_success(task_manager, "cleanup_logs")
    assert task_manager.shutdown()


@scenario("Task Status")
def status(load: Load) -> None:
    from manager import Manager

    import_module("backgroundtask.taskplugins").register_tasks(Manager.task_manager)
    with redirect_stdout(StringIO()) as printed:
        load()
    lines = printed.getvalue().splitlines()
    assert lines[0] == "cleanup_expired_sessions: scheduled"
    assert lines[1] == "  Last run: None"
    assert lines[2].startswith("  Next run: 2")
    assert len(lines) == 9
    Manager.task_manager.shutdown()


@scenario("Task Logs")
def monitored(load: Load) -> None:
    block = load()
    block.do_work = failing(0)
    with logged() as messages:
        asyncio.run(block.monitored_task())
    block.do_work = failing(1)
    with logged() as after_failure:
        assert isinstance(raised(block.monitored_task), ConnectionError)
    assert messages == ["Task starting", "Task completed: answer"]
    assert after_failure == ["Task starting", "Task failed"]


@scenario("1. Always Handle Exceptions")
def robust(load: Load) -> None:
    asyncio.run(load().robust_task())


@scenario("2. Use Timeouts")
def bounded(load: Load) -> None:
    block = load()
    block.logger = logging.getLogger("backgroundtask")
    for error, told in ((None, []), (asyncio.TimeoutError, ["Task timed out"])):
        block.long_running_operation = failing(1 if error else 0, error or Exception)
        with logged() as messages:
            asyncio.run(block.task_with_timeout())
        assert messages == told


@scenario("3. Clean Up Resources")
def cleaned_up(load: Load) -> None:
    block = load()
    block.SessionLocal = import_module("database.db").SessionLocal
    asyncio.run(block.resource_cleanup_task())


@scenario("4. Idempotent Tasks")
def only_once(load: Load) -> None:
    block = load()
    done: list[str] = []

    async def is_already_processed() -> bool:
        return len(done) > 0

    async def do_processing() -> None:
        done.append("processed")

    async def mark_as_processed() -> None:
        done.append("marked")

    block.is_already_processed, block.do_processing = is_already_processed, do_processing
    block.mark_as_processed, block.logger = mark_as_processed, logging.getLogger("backgroundtask")
    asyncio.run(block.idempotent_task())
    asyncio.run(block.idempotent_task())
    assert done == ["processed", "marked"]


@scenario("5. Logging")
def counted(load: Load) -> None:
    async def process(item: int) -> None:
        if item == 2:
            raise ValueError("no twos")

    block = load()
    block.items, block.process = [1, 2, 3], process
    with logged() as messages:
        asyncio.run(block.well_logged_task())
    assert messages[1:] == [
        "Failed to process 2: no twos",
        "Task complete: 2 processed, 1 errors",
    ]


# --- for the scenarios ---------------------------------------------------------------------------


def failing(times: int, error: type[Exception] = ConnectionError) -> Callable[[], Any]:
    """Return a coroutine function that raises so many times and then answers."""
    left = [error("not reachable")] * times

    async def call() -> str:
        if left:
            raise left.pop()
        return "answer"

    return call


def raised(task: Callable[[], Any]) -> BaseException | None:
    """Run a coroutine function and return what it raised."""
    try:
        asyncio.run(task())
    except Exception as error:
        return error
    return None


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collect what is logged to `backgroundtask`."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("backgroundtask")
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def tables() -> Any:
    """Create the application's tables and return its `database.db`."""
    import_module("auth.models")
    import_module("plugins.my_plugin.models")
    database = import_module("database.db")
    database.Base.metadata.create_all(database.engine)
    return database


def products(*ids: int) -> None:
    """Put products into the database."""
    database, product = tables(), import_module("plugins.my_plugin.models").Product
    with database.SessionLocal.begin() as db:
        db.add_all(product(id=id, name=f"tea {id}", price=100 * id) for id in ids)


def run_to_success(task_manager: Any, task_id: str) -> None:
    """Start a task by hand and wait until it has succeeded."""
    run_id, deadline = task_manager.run_task(task_id), time.monotonic() + 30
    while not (run := task_manager.get_run(run_id)).finished_at:
        assert time.monotonic() < deadline, run
        time.sleep(0.02)
    assert run.state == "succeeded", run


def main(heading: str, file: str) -> None:
    """Run the scenario of a heading on the block in a file."""

    def load() -> ModuleType:
        module = sys.modules["block"] = ModuleType("block")
        exec(compile(Path(file).read_text(), file, "exec"), vars(module))
        return module

    sys.path[0] = str(Path.cwd())
    SCENARIOS[heading](load)


if __name__ == "__main__":
    main(*sys.argv[1:])
