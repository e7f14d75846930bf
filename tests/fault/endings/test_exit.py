"""A program that ends by itself, with its task manager shut down by `atexit`."""

from __future__ import annotations

from pathlib import Path

from rota import TaskManager
from rota.config import Xcorecfg
from rota.core.run import State
from tests.acceptance.project import python

SCRIPT = """
import asyncio
import atexit
import threading
import time

import rota

begun = threading.Barrier(3)


def work():
    begun.wait()
    time.sleep(0.3)
    return "done"


async def wait():
    await asyncio.to_thread(begun.wait)
    await asyncio.sleep(0.3)
    return "done"


task_manager = rota.TaskManager()
task_manager.add_task(work, "interval", "work", hours=1)
task_manager.add_task(wait, "interval", "wait", hours=1)
atexit.register(task_manager.shutdown)
task_manager.start()
task_manager.run_task("work")
task_manager.run_task("wait")
begun.wait()
"""


def test_a_program_ends_cleanly_by_atexit(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(SCRIPT)
    assert python(tmp_path, "main.py") == ""
    config = Xcorecfg()
    config.manager.ledger_url = f"sqlite:///{tmp_path}/rota.db"
    with TaskManager(config, project=tmp_path) as task_manager:
        runs = task_manager.history.runs().runs
        assert {run.task_id for run in runs} == {"work", "wait"}
        assert {(run.state, run.result, run.attempt) for run in runs} == {
            (State.SUCCEEDED, "done", 1)
        }
        assert {node.state for node in task_manager.history.nodes()} == {"stopped", "up"}
