"""The import paths of the contract: they work, and importing one does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = [
    "from loggers import get_logger",
    "from loggers.logger_config import setup_logging",
    "from configurations import Xcorecfg",
    "from cache import CacheManager, cached, cached_property, cache_evict",
    "from database.db import SessionLocal, Base, get_db, AsyncSessionLocal, get_async_db",
    "from database import SessionLocal, Base, get_db, AsyncSessionLocal, get_async_db",
    "from database.db import engine",
    "from manager.schemas.taskManager import TaskCreate, TaskUpdate, TaskRead",
    "from manager.task.taskmanager import TaskManager",
    "from manager import Manager",
]

QUIET = """
import logging, sys, threading
records = []
class Capture(logging.Handler):
    emit = records.append
logging.getLogger().addHandler(Capture())
logging.getLogger().setLevel(1)
{statement}
assert records == [], [record.getMessage() for record in records]
assert threading.enumerate() == [threading.main_thread()], threading.enumerate()
"""


def run(code: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("statement", IMPORTS[:6])
def test_importing_starts_opens_and_logs_nothing_and_reads_no_settings(
    statement: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text("{ this is no JSON")
    assert run(QUIET.format(statement=statement), tmp_path) == ""
    assert list(tmp_path.iterdir()) == [config]


@pytest.mark.parametrize("statement", IMPORTS[6:])
def test_importing_starts_opens_and_logs_nothing(statement: str, tmp_path: Path) -> None:
    assert run(QUIET.format(statement=statement), tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_module_level_cache_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{ this is no JSON")
    run(QUIET.format(statement="from cache import CacheManager; CacheManager()"), tmp_path)


def test_asking_for_schemas_loads_no_scheduler(tmp_path: Path) -> None:
    code = "import sys; from manager.schemas.taskManager import TaskCreate; print(*sys.modules)"
    assert not {"apscheduler", "sqlalchemy", "fastapi"} & set(run(code, tmp_path).split())


@pytest.mark.parametrize(
    "package", ["rota.config", "rota.logs", "rota_xcore.caching", "rota_xcore.database"]
)
def test_our_packages_are_light_to_import(package: str, tmp_path: Path) -> None:
    code = f"import sys; import {package}; print(*sys.modules)"
    assert not {"pydantic", "sqlalchemy", "redis"} & set(run(code, tmp_path).split())


def test_a_project_may_have_packages_of_the_same_names(tmp_path: Path) -> None:
    for name in ("database", "cache", "loggers", "manager", "configurations"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("theirs = True\n")
    code = """
import asyncio, cache, configurations, database, loggers, manager
assert cache.theirs and configurations.theirs and database.theirs
assert loggers.theirs and manager.theirs
from rota_xcore.caching import CacheManager
from rota.config import Xcorecfg
from rota_xcore.database import SessionLocal
from rota.logs import setup_logging
from rota.manager.schemas import TaskCreate
async def use():
    await CacheManager().set("key", 1)
asyncio.run(use())
Xcorecfg.load()
SessionLocal().close()
"""
    run(code, tmp_path)
