"""The examples run as their README says: real servers, real signals."""

from __future__ import annotations

import json
import signal
import socket
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import psutil
import pytest

from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.run import Cause, State
from rota.core.time import to_datetime
from tests import forked
from tests.acceptance.project import ROOT, copy, environment, example, history_of, wait_until

MORE = """
import asyncio
from pathlib import Path

import rota


@rota.task("interval", seconds=1)
def count():
    with open("executions.txt", "a") as file:  # one write, which processes cannot mix up
        file.write(f"{rota.current_run().fire_time.isoformat()}\\n")


@rota.task("date", run_date="2100-01-01")
async def hold():
    Path("begun").touch()
    while not Path("release").exists():
        await asyncio.sleep(0.02)
"""


@contextmanager
def running(project: Path, *command: str) -> Iterator[forked.Started]:
    """Run a program in a project; whatever is left of it at the end is killed."""
    with (project / "said.txt").open("w") as said:
        process = forked.start([sys.executable, *command], project, environment(), out=said)
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.wait()


def request(method: str, url: str) -> Any:
    """Ask a server for JSON."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    """Say whether a server is there."""
    try:
        return bool(request("GET", url))
    except OSError:
        return False


def free_port() -> int:
    """Return a port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listening(url: str) -> Iterator[HTTPResponse]:
    """Hold a stream of events open, as a page in a browser does."""
    with urllib.request.urlopen(url, timeout=60) as stream:
        assert stream.readline() == b"retry: 2000\n"
        yield stream


def occurrences(history: History) -> list[tuple[str, int | None]]:
    """Return the scheduled runs that succeeded, by task and time."""
    where = RunFilter(states=[State.SUCCEEDED], causes=[Cause.SCHEDULE])
    return [(run.task_id, run.fire_time) for run in history.runs(where).runs]


@pytest.mark.slow
def test_four_workers_run_every_occurrence_once(tmp_path: Path) -> None:
    project = example(tmp_path / "app")
    (project / "backgroundtask" / "more.py").write_text(MORE)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        project, "-m", "uvicorn", "main:app", "--workers", "4", f"--port={port}"
    ) as server:
        wait_until(lambda: answers(url), "the application answers")
        manager = f"{url}/manager"
        assert {task["id"] for task in request("GET", f"{manager}/tasks")} == {
            "cleanup_expired_sessions",
            "cleanup_old_logs",
            "count",
            "hold",
            "refresh_products",
        }
        run = request("POST", f"{manager}/tasks/cleanup_expired_sessions/run")["id"]
        wait_until(
            lambda: request("GET", f"{manager}/runs/{run}")["result"] == 0, "the run succeeded"
        )
        assert request("GET", f"{url}/health")["status"] == "healthy"
        with urllib.request.urlopen(f"{url}/rota/runs/{run}") as page:
            assert "cleanup_expired_sessions" in page.read().decode()
        with history_of(project) as history:
            wait_until(lambda: len(occurrences(history)) >= 4, "four occurrences ran")
            wait_until(lambda: len(history.nodes()) == 4, "every worker has joined")
        family = psutil.Process(server.pid).children(recursive=True)
        held = request("POST", f"{manager}/tasks/hold/run")["id"]
        wait_until((project / "begun").exists, "a run is under way")
        with (
            listening(f"{url}/rota/manager/events") as changes,
            listening(f"{manager}/runs/{held}/logs/stream") as log,
        ):
            server.send_signal(signal.SIGTERM)
            assert b"event: end" not in log.read()  # the stream ends, while the run goes on
            changes.read()
            (project / "release").touch()
            assert server.wait(90) == 0, (project / "said.txt").read_text()
        psutil.wait_procs(family, timeout=10)
        assert [one for one in family if one.is_running()] == []
    with history_of(project) as history:
        rows = Counter(occurrences(history))
        assert set(rows.values()) == {1}
        executed = (project / "executions.txt").read_text().splitlines()
        assert sorted(executed) == sorted(
            to_datetime(at).isoformat()
            for task_id, at in rows
            if task_id == "count" and at is not None
        )
        assert {node.state for node in history.nodes()} == {"stopped"}
        # What came due in the last instant waits for the next start.
        assert history.running() == []
    assert "Traceback" not in (project / "said.txt").read_text()


def test_the_script_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    project = copy(ROOT / "examples" / "script", tmp_path / "script")
    with running(project, "main.py") as script:
        wait_until((project / "rota.db").exists, "there is a ledger")
        with history_of(project) as history:
            wait_until(lambda: occurrences(history), "an occurrence ran")
            script.send_signal(signal.SIGTERM)
            assert script.wait(90) == 0, (project / "said.txt").read_text()
            [run] = history.runs(newest_first=False, limit=1).runs
            assert (run.task_id, run.result) == ("count_on", 3)
            texts = [line.text for line in history.logs(run.id)]
            assert texts == ["1 of 3", "2 of 3", "3 of 3"]
    said = (project / "said.txt").read_text()
    for task_id in ("count_on", "good_morning", "tidy_up"):
        assert f"{task_id}: next run 2" in said
