"""What is built is what is promised: the contract holds from the wheel as well."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.project import ROOT, environment, example

IMPORTS = """
from manager import Manager
from manager.task.taskmanager import TaskManager
from manager.schemas.taskManager import TaskCreate, TaskRead, TaskUpdate
from loggers import get_logger
from loggers.logger_config import setup_logging
from configurations import Xcorecfg
from cache import CacheManager, cache_evict, cached, cached_property
from database.db import AsyncSessionLocal, Base, SessionLocal, engine, get_async_db, get_db
from backgroundtask.taskplugins import TASK_DEFINITIONS, cleanup_old_logs, register_tasks
from auth.models import UserSession
from plugins.my_plugin.models import Product
"""
OURS = ("rota", "manager", "loggers", "configurations", "cache", "database")

USE = f"""
{IMPORTS}
import sys, time
from pathlib import Path
installed = Path(sys.argv[1])
for name in {OURS}:
    assert Path(sys.modules[name].__file__).is_relative_to(installed), sys.modules[name]
register_tasks(Manager.task_manager)
Manager.start()
run = Manager.run_task("cleanup_old_logs")
deadline = time.monotonic() + 30
while not Manager.get_run(run).finished_at:
    assert time.monotonic() < deadline
    time.sleep(0.02)
assert Manager.get_run(run).state == "succeeded"
assert Manager.shutdown()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which the wheel, built from this tree, was unpacked."""
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    [wheel] = built.glob("*.whl")
    target = built / "installed"
    zipfile.ZipFile(wheel).extractall(target)
    return target


def files(directory: Path) -> set[Path]:
    """Return what a tree of sources holds, without what running it leaves there."""
    return {
        path.relative_to(directory)
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_everything_is_in(installed: Path) -> None:
    packed = files(installed)
    assert files(ROOT / "src") <= packed
    assert files(ROOT / "facades") <= packed
    assert Path("rota/py.typed") in packed
    assert any(path.match("rota/ledger/migrations/versions/v0001*.py") for path in packed)


def test_nothing_else_is_in(installed: Path) -> None:
    tops = {path.parts[0] for path in files(installed)}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(OURS)


def test_the_contract_holds_from_it(installed: Path, tmp_path: Path) -> None:
    project = example(tmp_path / "app")
    (project / "use.py").write_text(USE)
    done = subprocess.run(
        [sys.executable, "-W", "error", "use.py", str(installed)],
        cwd=project,
        env=environment(PYTHONPATH=str(installed)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
