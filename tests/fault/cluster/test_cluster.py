"""Two schedulers, three workers and a page on one ledger and engine: any of them may be killed, the
broker may lose what it has, messages may come twice or never."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from rota.config import Xcorecfg
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.time import SECOND
from rota.ledger.postgres.database import postgres_address
from rota.manager import TaskManager
from rota.testing import eventually
from tests import forked
from tests.brokers import Redis
from tests.fault.effort import LONG, effort
from tests.fault.journal import PRELUDE, Journal
from tests.integration.cli.project import ROTA, Project, environment
from tests.postgres import Postgres

TASKS = 20
SPAN = {"local": effort(300, 2_500), "pgqueuer": effort(300, 2_500), "celery": effort(300, 500)}
"""Seconds, each with an occurrence of each task, that lie in the past; its messages are slow."""
ROLES = ("scheduler", "scheduler", "worker", "worker", "worker", "web")
KILL_EVERY = 2.0

CODE = f"""
{PRELUDE}
import asyncio


async def told():
    tell("began")
    await asyncio.sleep(0.1)
    tell("ended")


TASK_DEFINITIONS = [
    {{
        "id": f"told{{number}}",
        "func": told,
        "trigger": "interval",
        "trigger_args": {{"seconds": 1}},
        "overlap": "allow",
        "catchup": "all",
        "catchup_limit": 1_000_000,
        "catchup_window": 1_000_000,
        "max_crashes": 1_000,
    }}
    for number in range({TASKS})
]
"""


class Cluster:
    """The processes of one project; each is named by its role and a number."""

    def __init__(self, project: Project, ledger_url: str, span: int) -> None:
        self.project = project
        self.span = span  # of the past, seconds
        self.journal = Journal(project.path)
        self.processes: list[tuple[str, forked.Started]] = []
        config = Xcorecfg()
        config.manager.ledger_url = ledger_url
        self.manager = TaskManager(config, project=project.path)
        self.address, self.schema = postgres_address(ledger_url)

    def have_a_past(self) -> None:
        """Register the tasks as if all nodes had been down since then."""
        self.manager.discover()
        self.manager.start(role="web")  # which registers them, and plans nothing
        self.manager.shutdown()
        with psycopg.connect(self.address) as connection:
            past = f"planned_until = planned_until - {self.span * SECOND}"
            done = connection.execute(f"UPDATE {self.schema}.tasks SET {past}".encode())
            assert done.rowcount == TASKS

    def start(self, role: str) -> None:
        """Start a process of a role."""
        port = ["--port", "0"] if role == "web" else []
        with (self.project.path / f"{role}.log").open("a") as log:
            process = forked.start([ROTA, role, *port], self.project.path, environment(), out=log)
        self.processes.append((role, process))

    def kill(self, index: int) -> str:
        """Kill a process without a word, and return its role."""
        role, process = self.processes.pop(index)
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(process.pid).children(recursive=True):
                one.kill()
        process.kill()
        process.wait(90)
        return role

    def stop(self) -> list[tuple[str, int]]:
        """Tell all to stop; returns role and exit code of each."""
        for _, process in self.processes:
            process.send_signal(signal.SIGTERM)
        return [(role, process.wait(60)) for role, process in self.processes]

    def runs(self) -> list[Run]:
        """Return every run."""
        found: list[Run] = []
        after = None
        while True:
            page = self.manager.history.runs(RunFilter(), limit=10_000, after=after)
            found += page.runs
            if (after := page.next) is None:
                return found

    def up(self) -> int:
        """Return how many nodes are up."""
        return sum(node.state == "up" for node in self.manager.history.nodes())

    def done(self) -> int:
        """Say about how many runs were told of."""
        file = self.project.path / "journal"
        return file.stat().st_size // LINE if file.exists() else 0


@contextmanager
def cluster(path: Path, manager: dict[str, Any], engine: dict[str, Any]) -> Iterator[Cluster]:
    """Make a project with a past that nobody has planned."""
    project = Project(path, CODE, **{**manager, "node": None, "lease_seconds": 3})
    project.write(
        "config.json",
        Xcorecfg.model_validate(
            {
                "manager": {**manager, "lease_seconds": 3, "shutdown_grace": 10},
                "cluster": engine,
            }
        ).model_dump_json(exclude_unset=True),
    )
    found = Cluster(project, manager["ledger_url"], SPAN[engine["engine"]])
    found.have_a_past()
    try:
        yield found
    finally:
        while found.processes:
            found.kill(0)
        found.manager.shutdown()


@pytest.fixture(params=["local", "pgqueuer", "celery"])
def scene(
    request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path
) -> Iterator[tuple[Cluster, Callable[[], None]]]:
    """A cluster of each kind, and how its messages are harmed."""
    ledger, engine = {"ledger_url": postgres.url()}, {"engine": request.param}
    harms: dict[str, Callable[[], None]] = {}
    if request.param == "celery":
        broker: Redis = request.getfixturevalue("redis")
        engine["broker_url"] = broker.url

        def forget() -> None:
            broker.stop()  # with all that it had
            broker.start()

        harms["celery"] = forget

    if request.param == "pgqueuer":
        address, schema = postgres_address(ledger["ledger_url"])

        def drop_and_repeat() -> None:
            with psycopg.connect(address) as connection:
                table = f"{schema}.pgqueuer"
                connection.execute(f"DELETE FROM {table} WHERE id % 3 = 0".encode())
                connection.execute(
                    f"INSERT INTO {table} (priority, entrypoint, payload, status)"
                    f" SELECT priority, entrypoint, payload, 'queued' FROM {table}"
                    " LIMIT 300".encode()  # not all: each time, there would be twice as many
                )

        harms["pgqueuer"] = drop_and_repeat

    with cluster(tmp_path, ledger, engine) as found:
        yield found, harms.get(request.param, lambda: None)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_killing_any_process_loses_and_doubles_no_run(
    scene: tuple[Cluster, Callable[[], None]],
) -> None:
    cluster, harm = scene
    for role in ROLES:
        cluster.start(role)
    expected, kills = TASKS * cluster.span, 0
    eventually(lambda: cluster.done() > 0, within=60)
    while cluster.done() < expected and (LONG or kills < 4):
        cluster.start(cluster.kill(random.randrange(len(cluster.processes))))
        kills += 1
        if kills % 2 == 0:
            harm()
        with suppress(AssertionError):  # it is killed again in any case
            eventually(lambda: cluster.done() > expected, within=KILL_EVERY)
    eventually(lambda: cluster.done() > expected, within=effort(120, 1200))
    come_to_rest(cluster.manager)
    eventually(lambda: cluster.up() >= len(ROLES), what="all are up, and can be told to stop")
    assert {code for _, code in cluster.stop()} == {0}
    runs = cluster.runs()
    for task_id in {run.task_id for run in runs}:
        times = sorted(run.fire_time or 0 for run in runs if run.task_id == task_id)
        assert len(times) > cluster.span
        assert {later - one for one, later in pairwise(times)} == {SECOND}, "lost or doubled"
    assert Counter(run.state for run in runs) == {State.SUCCEEDED: len(runs)}
    cluster.journal.agrees_with(runs)
    again = sum(run.attempt > 1 for run in runs)
    print(f"{len(runs)} occurrences, {kills} kills, {again} made again")  # noqa: T201


def come_to_rest(manager: TaskManager) -> None:
    """Have nothing more planned, and wait until what is planned has ended."""
    for task in manager.list_tasks():
        manager.pause_task(task.id, reason="enough")
    eventually(lambda: not manager.history.counts(0).busy, within=effort(120, 600))


LINE = 2 * len("began 01HK155QK0FYPZ39VVF5YAKPF3 1 12345 1704067200000000\n")
