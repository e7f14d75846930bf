"""What really happened, told by the tasks themselves beside the ledger; the two are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rota.core.run import FINAL, Run, State
from rota.core.time import SECOND, Instant

PRELUDE = '''
import os
import time

import rota


def tell(what):
    """Append a line to the journal, in one write, so that a kill leaves it whole or not there."""
    run = rota.current_run()
    line = f"{what} {run.id} {run.attempt} {os.getpid()} {time.time_ns() // 1000}\\n"
    journal = os.open("journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(journal, line.encode())
    os.close(journal)
'''
"""The head of a task file whose tasks `tell("began")` first and `tell("ended")` last."""


class Entry(NamedTuple):
    """One line: which attempt of which run did what, in which process, when."""

    what: str
    run_id: str
    attempt: int
    pid: int
    at: Instant


class Journal:
    """The journal of a project."""

    def __init__(self, project: Path) -> None:
        self._file = project / "journal"

    def entries(self) -> list[Entry]:
        """Return every line, in the order of the writing."""
        if not self._file.exists():
            return []
        lines = self._file.read_text().splitlines()
        return [
            Entry(what, run_id, int(attempt), int(pid), int(at))
            for what, run_id, attempt, pid, at in map(str.split, lines)
        ]

    def agrees_with(self, runs: Iterable[Run], *, early: float = 0.0) -> None:
        """Check the promises: every run has ended; none was executed by two owners, none succeeded
        without its last attempt having ended, none began before its time (less `early` seconds),
        and nothing was executed of which the ledger knows nothing."""
        told: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries():
            told[entry.run_id].append(entry)
        for run in runs:
            assert run.state in FINAL, f"{run} has not ended"
            entries = told.pop(run.id, [])
            begun = [entry.attempt for entry in entries if entry.what == "began"]
            assert len(begun) == len(set(begun)), f"an attempt began twice: {entries}"
            if run.state is State.SUCCEEDED:
                ended = [entry.attempt for entry in entries if entry.what == "ended"]
                assert run.attempt in ended, f"{run} succeeded, its code did not: {entries}"
            if run.fire_time is not None:
                for entry in entries:
                    assert entry.at >= run.fire_time - early * SECOND, f"too early: {entry}, {run}"
        assert not told, f"executed without a row: {told}"
