"""Killed between the commit of an enqueued run and its notification: the run is there, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests.postgres import postgres as postgres

PROGRAM = """
import os, signal, sys
from rota.config import Xcorecfg
from rota.manager import TaskManager

manager = TaskManager(Xcorecfg.model_validate({"manager": {"ledger_url": sys.argv[1]}}))
manager.enqueue("job", arguments={"n": 1}, key="first")
database = manager.services.ledger._database
database.committed.give = lambda: os.kill(os.getpid(), signal.SIGKILL)
manager.enqueue("job", arguments={"n": 2}, key="second")
"""


def job(n: int) -> int:
    return n


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_run_outlives_the_process_that_was_killed_after_its_commit(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres").url()
    node = Harness(tmp_path, SystemClock(), ledger_url=url)
    node.manager.add_task(job, id="job")
    with node:
        node.manager.services.engine.settle_registrations()
        done = subprocess.run([sys.executable, "-c", PROGRAM, url], cwd=tmp_path, timeout=120)
        assert done.returncode == -signal.SIGKILL
        again = node.manager.enqueue("job", arguments={"n": 3}, key="second")
        assert not again.is_new
        assert again.result(60) == 2
        runs = node.ended("job", 2)
    assert [(run.key, run.result) for run in runs] == [("first", 1), ("second", 2)]
