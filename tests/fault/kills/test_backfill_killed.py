"""Killed during a backfill: no occurrence is lost, and none is done twice by a repeated call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import postgres as postgres

PROGRAM = """
import json, os, pathlib, signal, sys
from datetime import datetime

import rota
from rota.config import Xcorecfg
from rota.manager import TaskManager

url, end = sys.argv[1:3]
manager = TaskManager(Xcorecfg.model_validate({"manager": {"ledger_url": url}}))
mark, done = pathlib.Path("killed"), pathlib.Path("done")
SINCE, UNTIL = datetime(2026, 1, 1), datetime(2026, 1, 1, 5)


def fetch():
    run = rota.current_run()
    if end == "run" and run.fire_time.hour == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    with done.open("a") as file:
        file.write(json.dumps([run.fire_time.hour, run.replay]) + "\\n")


manager.add_task(fetch, "cron", "fetch", minute=0, max_crashes=5)
if end == "commit":
    manager.list_tasks()
    database = manager.services.ledger._database
    manager._require("fetch")
    database.committed.give = lambda: os.kill(os.getpid(), signal.SIGKILL)
manager.backfill("fetch", SINCE, UNTIL, missing=True)
manager.start()
for one in manager.runs(task_id="fetch", newest_first=False):
    if one.replay is not None:
        manager.services.engine.wait_for(one.id)
print(json.dumps([str(one) for one in manager.verify()]))
manager.shutdown()
"""


@pytest.mark.parametrize("end", ["commit", "run"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_backfill_is_finished_by_the_same_call_again(
    kind: str, end: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres").url()

    def call(how: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, url, how]
        return subprocess.run(
            command, cwd=tmp_path, timeout=240, capture_output=True, text=True, check=False
        )

    assert call(end).returncode == -signal.SIGKILL
    again = call("run" if end == "run" else "none")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1]) == []
    done: list[Any] = [json.loads(line) for line in (tmp_path / "done").read_text().splitlines()]
    assert Counter(map(tuple, done)) == {(hour, 1): 1 for hour in range(5)}
    if end == "commit":
        assert sorted(done) == done
