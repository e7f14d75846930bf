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
XCORE = ("manager", "loggers", "configurations", "cache", "database")

USE = f"""
{IMPORTS}
import sys, time
from pathlib import Path
installed = Path(sys.argv[1])
for name in {("rota", *XCORE)}:
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


UV = Path(sys.executable).with_name("uv")
pytestmark = pytest.mark.xdist_group("wheels")  # they are built once


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheels of both distributions, built from this tree."""
    built = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "xcore"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
            cwd=project,
            env=environment(),
            check=True,
            capture_output=True,
            timeout=240,
        )
    return built


def packed(wheels: Path, name: str) -> set[str]:
    """Return the paths within a wheel, without its metadata."""
    [wheel] = wheels.glob(f"{name}-0*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    return {one for one in names if ".dist-info/" not in one}


def sources(directory: Path, *packages: str) -> set[str]:
    """Return the paths of packages' files, without what running them leaves there."""
    return {
        path.relative_to(directory).as_posix()
        for package in packages
        for path in (directory / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def clean_environment(home: Path, *installed: str, wheels: Path) -> Path:
    """Make an environment with nothing but these distributions and return its interpreter."""
    python = home / "bin" / "python"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, home], check=True)
    install: list[str | Path] = [UV, "pip", "install", "-q", "--python", python]
    install += ["--find-links", wheels]
    subprocess.run([*install, *installed], check=True)
    return python


def test_rota_installs_no_top_level_name_but_rota(wheels: Path) -> None:
    assert packed(wheels, "rota") == sources(ROOT / "src", "rota")
    assert "rota/py.typed" in packed(wheels, "rota")


def test_rota_xcore_installs_the_import_paths_of_the_contract(wheels: Path) -> None:
    assert packed(wheels, "rota_xcore") == sources(ROOT / "xcore", "rota_xcore", *XCORE)


def test_the_contract_holds_from_both_wheels(wheels: Path, tmp_path: Path) -> None:
    python = clean_environment(tmp_path / "env", "rota[xcore]", "psutil", wheels=wheels)
    project = example(tmp_path / "app")
    (project / "use.py").write_text(USE)
    done = subprocess.run(
        [python, "-W", "error", "use.py", str(tmp_path / "env")],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


def works_alone(rota: Path, project: Path) -> None:
    """Make a project with an installed `rota`, and run its first task: nothing else is needed."""
    subprocess.run([rota, "init", project], env=environment(), check=True)
    for command in (["check"], ["run", "hello", "--wait"]):
        subprocess.run([rota, *command], cwd=project, env=environment(), check=True)


def test_rota_works_alone_and_comes_and_goes_beside_django_configurations(
    wheels: Path, tmp_path: Path
) -> None:
    python = clean_environment(tmp_path / "env", "django-configurations", "rota", wheels=wheels)
    theirs = (
        "import configurations, importlib.metadata as metadata;"
        " missing = [one for one in metadata.files('django-configurations')"
        " if not one.locate().exists() and one.suffix == '.py'];"
        " assert not missing, missing; assert configurations.Configuration"
    )
    use_rota: list[str | Path] = [python, "-c", f"import rota; rota.TaskManager; {theirs}"]
    subprocess.run(use_rota, cwd=tmp_path, env=environment(), check=True)
    works_alone(python.with_name("rota"), tmp_path / "project")
    subprocess.run([UV, "pip", "uninstall", "-q", "--python", python, "rota"], check=True)
    subprocess.run([python, "-c", theirs], cwd=tmp_path, env=environment(), check=True)
