"""`os.fork` at any time: the child knows that it runs nothing, and the parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.ledger.conftest import shared_url as shared_url
from tests.conformance.ledger.conftest import sqlite as sqlite
from tests.fault.effort import effort
from tests.postgres import postgres as postgres
from tests.postgres import postgres_ledger as postgres_ledger

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(600)
def test_a_forked_child_leaves_the_parent_alone_and_can_start_itself(
    tmp_path: Path, shared_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.many.family", shared_url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FORKS": str(effort(10, 300))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert "was forked from a node" in done.stderr
    assert not list(tmp_path.glob("rota.db-*")), "the last to close it empties the log"
