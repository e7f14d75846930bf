"""The lowest versions that `pyproject.toml` allows are versions that rota works with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.project import ROOT, environment
from tests.postgres import Postgres
from tests.postgres import postgres as postgres

EXTRAS = "celery,pgqueuer,postgres,redis"
SMOKE = Path(__file__).with_name("smoke.py")

pytestmark = pytest.mark.xdist_group("lowest")  # one environment for all


@pytest.fixture(scope="module")
def lowest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with rota and the lowest versions of all that it depends on directly."""
    home = tmp_path_factory.mktemp("lowest")
    uv = Path(sys.executable).with_name("uv")
    python = home / "env" / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, home / "env"], check=True)
    install = f"{uv} pip install -q --compile-bytecode --resolution lowest-direct --python {python}"
    subprocess.run([*install.split(), f"{ROOT}[{EXTRAS}]", ROOT / "xcore"], check=True)
    return python


def tried(python: Path, *arguments: str) -> None:
    done = subprocess.run(
        [python, SMOKE, *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_face_works_on_sqlite(lowest: Path, tmp_path: Path) -> None:
    tried(lowest, str(tmp_path))


def test_every_face_works_on_postgresql(lowest: Path, tmp_path: Path, postgres: Postgres) -> None:
    tried(lowest, str(tmp_path), postgres.url())
