"""Clocks that are stepped under living nodes, each a process of its own."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from rota.config import Xcorecfg
from rota.core.run import FINAL, Run, State
from rota.core.time import DAY, HOUR, SECOND, Instant
from rota.manager import TaskManager
from rota.testing import eventually
from tests import forked
from tests.fault.clocks.node import SteppedClock
from tests.fault.effort import effort
from tests.fault.journal import Journal
from tests.postgres import Postgres

PATIENCE = 60.0  # seconds; on a busy machine too


def until(look: Callable[[], object], what: str) -> None:
    """Wait for a predicate to become true."""
    eventually(look, what=what)


class Nodes:
    """Nodes on one ledger, and a task manager beside them that has the clock of node `a`."""

    def __init__(self, directory: Path, url: str, *names: str) -> None:
        self.directory = directory
        self.url = url
        self.journal = Journal(directory)
        self._processes: dict[str, forked.Started] = {}
        for name in names:
            self.set_clock(name, 0)
        config = Xcorecfg.model_validate({"manager": {"ledger_url": url}})
        clock = SteppedClock(directory / "clock.a")
        self.manager = TaskManager(config, project=directory, clock=clock)

    def set_clock(self, name: str, ahead: Instant) -> None:
        """Have the wall clock of a node be off."""
        new = self.directory / f"clock.{name}.new"
        new.write_text(str(ahead / SECOND))
        new.replace(self.directory / f"clock.{name}")

    def set_clocks(self, ahead: Instant) -> None:
        """Have the wall clocks of both be off, as nodes of one machine have one."""
        for name in "ab":
            self.set_clock(name, ahead)

    @contextmanager
    def up(self, name: str) -> Iterator[None]:
        """Start a node and wait until it is up; stop it at the end."""
        with (self.directory / f"log.{name}").open("a") as log:
            process = forked.start(
                [sys.executable, "-m", "tests.fault.clocks.node", name, self.url],
                self.directory,
                {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
                err=log,
                takes_input=True,
            )
        assert process.stdout is not None
        killer = threading.Timer(PATIENCE * 10, process.kill)
        killer.start()
        try:
            assert process.stdout.readline() == "up\n", self.log(name)
            yield
            process.communicate("", PATIENCE)
        finally:
            killer.cancel()
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        """Return what a node has logged."""
        return (self.directory / f"log.{name}").read_text()

    def runs(self, task_id: str) -> list[Run]:
        return list(self.manager.runs(task_id=task_id, newest_first=False))

    def goes_on(self) -> None:
        """Wait until runs of `quick` have begun since now."""
        entries = len(self.journal.entries())
        until(lambda: len(self.journal.entries()) > entries + 4, "runs go on")

    def ends(self) -> None:
        """Let everything that has begun come to its end."""
        self.manager.pause_task("quick")
        (self.directory / "release").touch()
        until(lambda: not self.manager.history.counts(0).busy, "all has ended")


def is_taken_over(run: Run) -> bool:
    return run.attempt > 1 or run.crashes > 0


@contextmanager
def two_nodes(directory: Path, url: str) -> Iterator[Nodes]:
    """Two nodes of one machine, with a long run on one of them."""
    nodes = Nodes(directory, url, "a", "b")
    with ExitStack() as stack:
        for name in "ab":
            stack.enter_context(nodes.up(name))
        stack.callback(nodes.manager.shutdown)
        nodes.manager.run_task("hold")
        until(lambda: [r for r in nodes.runs("hold") if r.state is State.RUNNING], "hold begins")
        yield nodes


def spans() -> list[Instant]:
    """How far off the clock is, one time after the other; right in the end."""
    fixed = [HOUR, -2 * HOUR, 0, 3 * DAY]
    at_random = [
        random.choice([HOUR, -2 * HOUR, 3 * DAY, 0, random.randrange(-DAY, DAY)])
        for _ in range(effort(0, 40))
    ]
    return [*fixed, *at_random, 0]


def test_steps_of_the_clock_of_a_machine_with_two_nodes(tmp_path: Path) -> None:
    with two_nodes(tmp_path, f"sqlite:///{tmp_path / 'rota.db'}") as nodes:
        for count in range(effort(6, 60)):
            nodes.set_clocks(-count * SECOND)
            time.sleep(random.uniform(0, 0.5))
        for ahead in spans():
            nodes.manager.run_task("fails")  # its retry waits while the clock is stepped
            nodes.set_clocks(ahead)
            nodes.goes_on()
            (held,) = nodes.runs("hold")
            assert held.state is State.RUNNING
            assert not is_taken_over(held)
        right_since = time.time()
        nodes.goes_on()
        right_until = time.time()
        nodes.ends()
        (held,) = nodes.runs("hold")
        assert (held.state, held.attempt) == (State.SUCCEEDED, 1)
        retried = nodes.runs("fails")
        assert [(run.state, run.attempt) for run in retried] == [(State.SUCCEEDED, 2)] * len(
            retried
        )
        runs = [run for task_id in ("quick", "hold", "fails") for run in nodes.runs(task_id)]
        nodes.journal.agrees_with(runs, early=4 * 86_400)
        seconds = {run.fire_time for run in runs if run.task_id == "quick"}
        due = range(int(right_since) + 1, int(right_until))
        assert {second * SECOND for second in due} <= seconds, "each second has its row"
    for name in "ab":
        assert "The wall clock stepped by" in nodes.log(name)
        assert "declared this node gone" not in nodes.log(name)


def test_nodes_whose_clocks_are_apart_go_by_the_database_s(
    tmp_path: Path, postgres: Postgres
) -> None:
    nodes = Nodes(tmp_path, postgres.url(), "a", "b")
    nodes.set_clock("b", 90 * SECOND)
    with nodes.up("b"):
        nodes.goes_on()  # the one that is off plans and starts alone
        with nodes.up("a"):
            nodes.manager.run_task("hold")
            until(lambda: [r for r in nodes.runs("hold") if r.state is State.RUNNING], "hold")
            nodes.manager.run_task("fails")
            for ahead in (-90 * SECOND, 3 * DAY):
                nodes.set_clock("b", ahead)
                nodes.goes_on()
            until(lambda: "The wall clock stepped by" in nodes.log("b"), "the step is seen")
            until(lambda: _ahead(nodes, "b") > 2 * 86_400, "and told")
            assert abs(_ahead(nodes, "a")) < 5
            nodes.ends()
    runs = [run for task_id in ("quick", "hold", "fails") for run in nodes.runs(task_id)]
    nodes.manager.shutdown()
    nodes.journal.agrees_with(runs, early=0.05)
    assert not any(is_taken_over(run) for run in runs if run.task_id != "fails")
    assert {run.state for run in runs} <= FINAL
    assert not [run for run in runs if run.task_id == "quick" and run.state is State.MISSED]
    for run in runs:
        times = (run.fire_time, run.started_at, run.finished_at)
        assert list(filter(None, times)) == sorted(filter(None, times)), run
        assert run.created_at >= (run.fire_time or 0) - SECOND, run


def _ahead(nodes: Nodes, name: str) -> float:
    (info,) = [node.info for node in nodes.manager.history.nodes() if node.name == name]
    return float(info["clock_ahead"])


def test_health_names_a_clock_that_is_off(tmp_path: Path, postgres: Postgres) -> None:
    nodes = Nodes(tmp_path, postgres.url(), "a")
    nodes.set_clock("a", 90 * SECOND)
    with nodes.manager as manager:
        health = manager.health(unread="it is not asked")
        assert health["clock_ahead"] == pytest.approx(90, abs=5)
        (reason,) = [one for one in health["reasons"] if "clock" in one]
        assert "s ahead of the database's" in reason
        nodes.set_clock("a", 0)
        until(lambda: not any("clock" in one for one in manager.health()["reasons"]), "mended")
