"""The example application under `uvicorn --workers 4`: every occurrence once, on one file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from rota import TaskManager
from rota.config import Xcorecfg
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.time import SECOND, Instant
from rota.errors import LedgerUnavailableError
from rota.runtime.system_clock import SystemClock
from tests.acceptance.project import environment, example, history_of
from tests.acceptance.test_examples import answers, free_port, running
from tests.fault.effort import LONG, effort
from tests.fault.journal import PRELUDE, Journal
from tests.integration.cli.project import until

TASKS = effort(20, 100)
SPAN = effort(100, 1_000)  # seconds, each with an occurrence of each task, that lie in the past

MORE = f"""
{PRELUDE}

here = Path("here")
if here.exists():  # all workers begin at once, so that they race
    (here / str(os.getpid())).touch()
    while len(list(here.iterdir())) < 4:
        time.sleep(0.01)


async def told():
    tell("began")
    tell("ended")


TASK_DEFINITIONS += [
    {{
        "id": f"told{{number}}",
        "func": told,
        "trigger": "interval",
        "trigger_args": {{"seconds": 1}},
        "overlap": "allow",
        "catchup": "all",
        "catchup_limit": 1_000_000,
        "catchup_window": 1_000_000,
    }}
    for number in range({TASKS})
]
"""

LONG_AGO = f"""
from datetime import UTC, datetime, timedelta

from backgroundtask.taskplugins import register_tasks
from rota import TaskManager
from rota.testing import FakeClock

clock = FakeClock(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds={SPAN}))
with TaskManager(clock=clock) as task_manager:
    register_tasks(task_manager)
    task_manager.list_tasks()
"""
"""A node that was up when the past began, and planned nothing since."""


def shop(path: Path) -> Path:
    """Make the example with more tasks, whose past nobody has planned."""
    project = example(path)
    config = json.loads((project / "config.json").read_text())
    config["manager"]["max_tasks"] = None
    (project / "config.json").write_text(json.dumps(config))
    file = project / "backgroundtask" / "taskplugins.py"
    code = file.read_text().replace('{"seconds": 30}', '{"seconds": 1}')
    code = code.replace("\n\ndef register_tasks", MORE + "\n\ndef register_tasks")
    file.write_text(code)
    subprocess.run(
        [sys.executable, "-c", LONG_AGO], cwd=project, env=environment(), check=True, timeout=120
    )
    (project / "here").mkdir()
    return project


def occurrences_of(project: Path) -> dict[str, list[Run]]:
    """Return the occurrences of each of our tasks, oldest first."""
    found: dict[str, list[Run]] = defaultdict(list)
    with history_of(project) as history:
        after = None
        while True:
            page = history.runs(RunFilter(), limit=10_000, after=after, newest_first=False)
            for run in page.runs:
                if run.task_id.startswith("told"):
                    found[run.task_id].append(run)
            if (after := page.next) is None:
                return {id: sorted(runs, key=fire_time) for id, runs in found.items()}


def come_to_rest(project: Path) -> None:
    """Have nothing more planned, and wait until what is planned has ended."""
    config = Xcorecfg.from_file(project / "config.json")
    config.manager.ledger_url = f"sqlite:///{project}/rota.db"
    task_manager = TaskManager(config, project=project)
    until(lambda: all_paused(task_manager), 120)
    until(lambda: not task_manager.history.counts(0).busy, 300)
    task_manager.shutdown()


def all_paused(task_manager: TaskManager) -> bool:
    """Pause every task, in one commit; False where four workers kept the ledger too busy."""
    ids, now = [task.id for task in task_manager.list_tasks()], SystemClock().now()

    def pause(tx: Transaction) -> None:
        for id in ids:
            tx.pause(id, now, None, "enough")

    try:
        task_manager.services.ledger.write(pause).result(60)
    except LedgerUnavailableError:
        return False
    return True


def fire_time(run: Run) -> Instant:
    assert run.fire_time is not None
    return run.fire_time


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_four_workers_catch_up_and_go_on_with_nothing_lost_and_nothing_doubled(
    tmp_path: Path,
) -> None:
    project = shop(tmp_path / "shop")
    journal = Journal(project)
    port, expected = free_port(), TASKS * SPAN
    with running(
        project, "-m", "uvicorn", "main:app", "--workers", "4", f"--port={port}"
    ) as server:
        until(lambda: answers(f"http://127.0.0.1:{port}/health"), 120)
        if LONG:
            until(lambda: size(project) > expected // 3, 600)
            first = {worker.pid for worker in psutil.Process(server.pid).children()}
            psutil.Process(pids(journal).pop()).kill()  # one that has run something
            until(lambda: pids(journal) - first, 600)  # and so has its successor
        until(lambda: size(project) > expected, 1200)
        until(lambda: len(pids(journal)) > 1, 120)
        come_to_rest(project)
        server.send_signal(signal.SIGTERM)
        assert server.wait(90) == 0, (project / "said.txt").read_text()
    said = (project / "said.txt").read_text()
    assert "Traceback" not in said, said[-10_000:]
    tasks = occurrences_of(project)
    assert len(tasks) == TASKS
    for runs in tasks.values():
        instants = [fire_time(run) for run in runs]
        assert len(instants) > SPAN
        assert {later - one for one, later in pairwise(instants)} == {SECOND}, "lost or doubled"
        assert {run.state for run in runs} == {State.SUCCEEDED}
    every = [run for runs in tasks.values() for run in runs]
    journal.agrees_with(every)
    entries = [entry for entry in journal.entries() if entry.what == "began"]
    again = sum(run.attempt > 1 for run in every)
    assert len(entries) <= len(every) + again
    assert again == 0 or LONG
    rate = expected / ((entries[expected - 1].at - entries[0].at) / SECOND)
    print(f"{len(every)} occurrences, {again} again, {rate:.0f} a second")  # noqa: T201


def pids(journal: Journal) -> set[int]:
    """Return the processes that have run something."""
    return {entry.pid for entry in journal.entries()}


def size(project: Path) -> int:
    """Say about how many occurrences have been told."""
    file = project / "journal"
    return file.stat().st_size // LINE if file.exists() else 0


LINE = 2 * len("began 01HK155QK0FYPZ39VVF5YAKPF3 1 12345 1704067200000000\n")
