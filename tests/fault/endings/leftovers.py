"""What an end must leave: nothing in the process table, and a ledger that tells the truth."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from rota.core.ports.records import NodeRecord
from rota.core.run import Run
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests import forked
from tests.integration.cli.project import Project, Up, environment, until

NOISE = 15.0
"""Seconds that a crowded machine may add to the 2 that are promised; what does not end, never
ends."""


def ended_by(project: Project, up: Up, number: signal.Signals, *, grace: float = 0.0) -> int:
    """Send a signal, and return the exit code of a process that ended in time and left none."""
    began = time.monotonic()
    up.send(number)
    code = up.ends()
    took = time.monotonic() - began
    assert took < grace + 2 + NOISE, up.output
    print(f"ended {took:.2f} s after {number.name} with {code}")  # noqa: T201
    assert not re.search("^Traceback", up.output, re.MULTILINE), up.output
    until(lambda: not processes_of(project), within=NOISE)
    return code


def wrote_all(up: Up) -> bool:
    """Say whether the node wrote all it had to: a crowded machine may have been too slow for the
    limit, and then the next start takes over."""
    return "has stopped" in up.output and "away to the last" not in up.output


def processes_of(project: Project) -> list[psutil.Process]:
    """Return every process that works in the project's directory, whoever its parent is."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(project.path):
                found.append(process)
    return found


def run_by_hand(project: Project, *tasks: str) -> None:
    """Start tasks on the node that is up."""
    rig = Harness(project.path, SystemClock())
    for task in tasks:
        rig.manager.run_task(task)
    rig.manager.shutdown()


@contextmanager
def program(project: Project, *words: str) -> Iterator[forked.Started]:
    """Run a program in the project's directory, and kill it at the end if it is there still."""
    process = forked.start(words, project.path, environment(), out=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def record_of(project: Project) -> tuple[list[NodeRecord], dict[str, Run]]:
    """Return what the ledger says: its nodes, newest first, and the last run of each task."""
    ledger = open_ledger(f"sqlite:///{project.path / 'rota.db'}", clock=SystemClock())
    ledger.open()
    try:
        return ledger.history.nodes(), ledger.history.last_runs()
    finally:
        ledger.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Have another program write to a ledger's file meanwhile, and not come to an end."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()
