"""A whole node whose ledger is taken from it, and what must be true of it then and afterwards."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil

from rota.core.ports.records import RunFilter
from rota.core.run import FINAL, Run, State
from rota.core.time import SECOND
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from tests.fault.effort import effort
from tests.fault.journal import PRELUDE, Entry, Journal
from tests.integration.cli.project import ROTA, Project, Up, until

logger = logging.getLogger(__name__)  # what was measured: seen with --log-cli-level=INFO

BACK = effort(15, 5)
"""Seconds from healing to the first run that is on time; more beside other tests."""

QUICK = effort(5, 2)
"""Seconds that `GET /health` may take; it promises two."""

TASKS = f"""{PRELUDE}
import asyncio


@rota.task("interval", seconds=1, max_retries=0)
async def second():
    tell("began")
    tell("ended")


@rota.task("interval", seconds=1, max_retries=0, catchup="all")
def thread():
    tell("began")
    rota.current_run().logger.info("a line")
    tell("ended")


@rota.task("date", run_date="2100-01-01", max_retries=0)
async def hold():
    tell("began")
    while not os.path.exists("release"):
        await asyncio.sleep(0.05)
    tell("ended")


@rota.task("date", run_date="2100-01-01", max_retries=0, timeout=3)
def late():
    tell("began")
    while not rota.current_run().cancelled:
        time.sleep(0.05)
"""

PERIODIC = ("second", "thread")


class Health:
    """Asks a node how it is, again and again, and remembers what it said and how soon."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._over = threading.Event()
        self.reports: list[dict[str, Any]] = []
        self.longest = 0.0
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._over.wait(0.1):
            began = time.monotonic()
            report = self._project.asked("/health")
            self.longest = max(self.longest, time.monotonic() - began)
            self.reports.append(report)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def says(self, words: str) -> bool:
        """Say whether the last report is degraded for such a reason."""
        if not self.reports:
            return False
        last = self.reports[-1]
        return last["status"] == "degraded" and bool(re.search(words, " ".join(last["reasons"])))


class Node:
    """A running `rota up` on a ledger that is to be away for a while."""

    def __init__(self, project: Project, up: Up, url: str, disk: Path | None) -> None:
        self.project = project
        self.up = up
        self._url = url
        self._disk = disk
        self._process = psutil.Process(up.process.pid)

    def _pause(self, task_id: str) -> None:
        address = f"http://127.0.0.1:{self.project.port}/manager/tasks/{task_id}/pause"
        with urllib.request.urlopen(urllib.request.Request(address, method="POST")):
            pass

    def runs(self) -> list[Run]:
        """Return every run, oldest first, read beside the node."""
        if self._disk is not None:
            with tempfile.TemporaryDirectory() as copy:
                for file in self._disk.glob("rota.db*"):
                    shutil.copy(file, copy)
                return read(f"sqlite:///{copy}/rota.db")
        return read(self._url)

    def is_on_time(self, since: float = 0.0) -> bool:
        """Say whether a periodic run has begun on time after `since`, in seconds of the epoch."""
        return self.first_on_time(since) is not None

    def first_on_time(self, since: float) -> float | None:
        """Return when the first periodic run that fell due after `since` began on time."""
        due = {run.id: run.fire_time for run in self.runs() if run.fire_time is not None}
        for entry in self.journal():
            at = due.get(entry.run_id, 0)
            if entry.what == "began" and at > since * SECOND and entry.at - at < 2 * SECOND:
                return entry.at / SECOND
        return None

    def journal(self) -> list[Entry]:
        """Return what its tasks have written."""
        return Journal(self.project.path).entries()

    def begun(self, task_id: str) -> str:
        """Start a task manually, wait until it has begun, and return the run's id."""
        run_id = self.project.rota("run", task_id).stdout.split()[0]
        until(lambda: any(entry.run_id == run_id for entry in self.journal()))
        return run_id

    def weighs(self) -> tuple[int, int, int]:
        """Return its threads, its file descriptors and its memory in MiB."""
        process = self._process
        return process.num_threads(), process.num_fds(), process.memory_info().rss >> 20

    def weighs_as(self, before: tuple[int, int, int]) -> None:
        """Check that nothing has piled up since; what was taken into use once may stay."""
        after = self.weighs()
        logger.info("threads, descriptors, MiB: %s, then %s", before, after)
        assert after[0] <= before[0] + 8
        assert after[1] <= before[1] + 16
        assert after[2] <= before[2] * 1.2 + 10

    @contextmanager
    def suffers(
        self, fault: AbstractContextManager[object], words: str, seconds: float
    ) -> Iterator[None]:
        """Within: there is a fault, the node has said so with such words; it lasts so long."""
        health = Health(self.project)
        began = time.monotonic()
        try:
            with fault:
                until(lambda: health.says(words))
                yield
                until(lambda: time.monotonic() - began >= seconds, within=seconds + 30)
        finally:
            health.stop()
        logger.info("%s: /health took %.3f s at most", words, health.longest)
        assert all(report["tick_age"] < 5 for report in health.reports)
        assert health.longest < QUICK

    def comes_back(self) -> None:
        """Wait until it is on time again, which may not take long."""
        healed = time.time()
        until(lambda: self.is_on_time(healed), within=30)
        first = self.first_on_time(healed)
        assert first is not None
        logger.info("on time %.2f s after healing", first - healed)
        assert first - healed < BACK
        until(lambda: self.project.asked("/health")["status"] == "healthy")

    def tells_the_truth(self) -> list[Run]:
        """Let it come to rest, check that nothing was lost, doubled, early or left undone, and
        stop it."""
        self.project.touch("release")
        for task_id in PERIODIC:
            self._pause(task_id)
        until(lambda: all(run.state in FINAL for run in self.runs()))
        runs = self.runs()
        Journal(self.project.path).agrees_with(runs)
        for task_id in PERIODIC:
            fired = [run for run in runs if run.task_id == task_id and run.fire_time is not None]
            times = [run.fire_time for run in fired if run.fire_time is not None]
            span = (max(times) - min(times)) // SECOND + 1
            counted = sum(run.count for run in fired) - fired_before_first(fired)
            assert counted == span, f"{task_id}: {counted} of {span} occurrences have a row"
            assert all(run.reason for run in fired if run.state is not State.SUCCEEDED)
        self.up.process.terminate()
        assert self.up.ends() == 0
        return runs


def read(url: str) -> list[Run]:
    """Return every run of a ledger, oldest first."""
    ledger = open_ledger(url, clock=SystemClock())
    ledger.open()
    try:
        return ledger.history.runs(RunFilter(), limit=100_000, newest_first=False).runs
    finally:
        ledger.close()


def fired_before_first(fired: list[Run]) -> int:
    """Return how many occurrences before the first row's time a summary at the head stands for."""
    first = min(fired, key=lambda run: run.fire_time or 0)
    return first.count - 1


@contextmanager
def node(
    path: Path,
    ledger_url: str,
    *,
    seen_at: str | None = None,
    within: Sequence[str] = (),
    **settings: Any,
) -> Iterator[Node]:
    """Run the project in `path` on a ledger, which the test itself sees at `seen_at`; `within` as
    the first words of the command, where the ledger's directory is a disk of the node's own."""
    project = Project(path, TASKS, ledger_url=ledger_url, **{"lease_seconds": 3, **settings})
    with project.up("--plain", command=(*within, ROTA, "up")) as up:
        up.ready()
        directory = Path(ledger_url.removeprefix("sqlite:///")).parent
        disk = Path(f"/proc/{up.process.pid}/root{directory}") if within else None
        node = Node(project, up, seen_at or ledger_url, disk)
        until(node.is_on_time)
        yield node
