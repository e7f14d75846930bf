"""A node in a process of its own, whose wall clock is moved from outside.

`python node.py NAME LEDGER_URL` in a directory; the file `clock.NAME` there says by how many
seconds the wall clock is off, and anew at each look. The tasks append to `journal` what they
really did, at the machine's own time, which no test steps. Ends when its standard input does.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import rota
from rota.config import Xcorecfg
from rota.core.time import Instant, seconds
from rota.manager import TaskManager
from rota.runtime.system_clock import SystemClock


class SteppedClock(SystemClock):
    """The machine's clock, off by what a file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> Instant:
        return super().now() + seconds(float(self._file.read_text()))


def tell(what: str) -> None:
    """Append a line to the journal, in one write."""
    run = rota.current_run()
    line = f"{what} {run.id} {run.attempt} {os.getpid()} {time.time_ns() // 1000}\n"
    journal = os.open("journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(journal, line.encode())
    os.close(journal)


async def quick() -> None:
    tell("began")
    tell("ended")


def hold() -> None:
    """Run until the test releases it."""
    tell("began")
    while not Path("release").exists():
        time.sleep(0.02)
    tell("ended")


async def fails_first() -> None:
    tell("began")
    if rota.current_run().attempt == 1:
        raise ConnectionError("not yet")
    tell("ended")


def main(name: str, ledger_url: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    settings = {"ledger_url": ledger_url, "node": name, "lease_seconds": 3, "shutdown_grace": 5}
    manager = TaskManager(
        Xcorecfg.model_validate({"manager": settings}),
        clock=SteppedClock(Path(f"clock.{name}").absolute()),
    )
    manager.add_task(quick, "interval", "quick", seconds=1, start_date="2020-01-01T00:00:00Z")
    manager.add_task(hold, "date", "hold", run_date="2100-01-01", timeout=600)
    manager.add_task(
        fails_first, "date", "fails", run_date="2100-01-01", retry_delay=2, max_retries=1
    )
    with manager:
        print("up", flush=True)  # noqa: T201  # the test waits for it
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
