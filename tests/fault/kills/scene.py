"""A project whose nodes are killed and frozen, its ledger and its journal beside it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rota.core.ports.ledger import Ledger, Transaction
from rota.core.run import Run, State
from rota.errors import LedgerUnavailableError
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from tests.fault.journal import PRELUDE, Entry, Journal
from tests.integration.cli.project import Project, Up, until

LEASE = 3.0  # seconds

TASKS = (
    PRELUDE
    + '''
@rota.task("cron", second="*", overlap="queue", queue_limit=100, retry_delay=0.1, max_retries=1)
def flaky():
    """Fails at first, so that each run is planned with its claim, and claimed once more."""
    tell("began")
    time.sleep(0.05)
    if rota.current_run().attempt == 1:
        raise ConnectionError
    tell("ended")


@rota.task("cron", second="*/2", overlap="allow", catchup="all")
async def short():
    tell("began")
    tell("ended")


@rota.task("date", run_date="2100-01-01", max_retries=0)
def hold():
    """Ends when it is let go; says a line all the while."""
    tell("began")
    while not os.path.exists("let-go"):
        print("holding")
        time.sleep(0.05)
    tell("ended")
'''
)


class Scene:
    """The project, and what can be known of it from outside."""

    def __init__(self, path: Path, ledger: Ledger, tasks: str = TASKS, **manager: Any) -> None:
        settings = {"lease_seconds": LEASE, "ledger_url": ledger.url, **manager}
        self.project = Project(path, tasks, **settings)
        self.ledger = ledger
        self.clock = SystemClock()
        self.journal = Journal(path)

    def up(self) -> AbstractContextManager[Up]:
        """Start a node."""
        return self.project.up("--port", "0")

    def struck(self, moment: str, number: str) -> AbstractContextManager[Up]:
        """Start a node that gets a signal at a moment; see `node`."""
        node = Path(__file__).with_name("node.py")
        return self.project.up("--port", "0", command=(sys.executable, str(node), moment, number))

    def freeze(self, node: Up) -> None:
        """Stop a node, but not while it has SQLite's lock: nobody can write before it goes on."""
        node.send(signal.SIGSTOP)
        while True:
            try:
                return self.ledger.write(lambda tx: None).result()
            except LedgerUnavailableError:
                node.send(signal.SIGCONT)
                node.send(signal.SIGSTOP)

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        return self.ledger.history.runs(limit=10_000, newest_first=False).runs

    def running(self) -> list[Run]:
        """Return what the ledger says is running."""
        return [run for run in self.runs() if run.state is State.RUNNING]

    def journal_of(self, what: str, run_id: str, attempt: int) -> list[Entry]:
        """Return the journal's lines about an attempt."""
        return [
            one
            for one in self.journal.entries()
            if (one.what, one.run_id, one.attempt) == (what, run_id, attempt)
        ]

    def quiet(self) -> None:
        """Let nothing new fall due, and wait until all there is has ended."""

        def pause(tx: Transaction) -> None:
            for task in ("flaky", "short"):
                tx.pause(task, self.clock.now(), None, "enough")

        self.ledger.write(pause).result()
        until(lambda: not self.ledger.history.counts(0).busy)


@contextmanager
def opened(url: str) -> Iterator[Ledger]:
    """Open a ledger, to look into it."""
    ledger = open_ledger(url, clock=SystemClock())
    ledger.open()
    try:
        yield ledger
    finally:
        ledger.close()
