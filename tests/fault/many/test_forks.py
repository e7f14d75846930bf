"""`os.fork` at any time: the child knows that it runs nothing, and the parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.ledger.conftest import KINDS
from tests.fault.effort import effort
from tests.fault.many.family import SCENES

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return KINDS[request.param].url(request)


@pytest.mark.parametrize("scene", SCENES)
def test_a_forked_child_disturbs_nobody_and_can_start_on_its_own(
    tmp_path: Path, url: str, scene: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.many.family", scene, url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FORKS": str(effort(10, 300))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert not [file for file in os.listdir(tmp_path) if file.endswith("-wal")]
