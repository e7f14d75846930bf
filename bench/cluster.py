"""Runs that are carried to two workers in processes of their own, over a real PostgreSQL; and what
Celery does with bare messages in the same run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.measure import wait_for
from rota.config import Xcorecfg
from rota.core.role import Role
from rota.core.run import State
from rota.manager import TaskManager
from tests.brokers import Redis
from tests.postgres import Postgres, programs

TASKS = """
import rota


@rota.task("date", run_date="2100-01-01", overlap="allow")
async def noop():
    pass
"""

CELERY = """
from celery import Celery

app = Celery("bare", broker={url!r})
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=100)


@app.task
def noop():
    pass
"""


@contextmanager
def postgres() -> Iterator[str]:
    """A server, durable as it comes, and the address of an empty ledger."""
    bin_ = programs()
    if bin_ is None:
        raise SystemExit("needs the wheel that brings PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="rota-pg-") as directory:
        server = Postgres(Path(directory), bin_, fsync="on", shared_buffers="256MB")
        server.make()
        server.start()
        try:
            yield server.url()
        finally:
            server.stop()


@contextmanager
def workers(project: Path, *commands: list[str]) -> Iterator[None]:
    """A process of each of these commands."""
    some = [
        subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for one in some:  # each with the processes that it has started
            for child in psutil.Process(one.pid).children(recursive=True):
                child.kill()
            one.kill()
            one.wait(30)


def carried(count: int, engine: str) -> dict[str, float]:
    """Hand in `count` runs and wait until two workers have recorded all as succeeded."""
    with tempfile.TemporaryDirectory() as directory, postgres() as url:
        project = Path(directory)
        settings: dict[str, Any] = {"manager": {"ledger_url": url}, "cluster": {"engine": engine}}
        (project / "config.json").write_text(json.dumps(settings))
        (project / "backgroundtask").mkdir()
        (project / "backgroundtask" / "work.py").write_text(TASKS)
        rota = TaskManager(Xcorecfg.model_validate(settings), project=project)
        rota.discover()
        rota.start(role=Role.SCHEDULER)
        program = str(Path(sys.executable).with_name("rota"))
        with workers(project, [program, "worker"], [program, "worker"]):
            wait_for(lambda: len(rota.history.nodes()) == 3, 60)
            begun = time.perf_counter()
            for _ in range(count // 1000):
                rota.run_many("noop", [{}] * 1000)
            handed = time.perf_counter()
            wait_for(lambda: not rota.history.counts(rota.services.clock.now()).busy, 600)
            ended = time.perf_counter()
        states = {run.state for run in rota.history.runs(limit=10_000).runs}
        nodes = {run.node for run in rota.history.runs(limit=10_000).runs}
        rota.shutdown()
    if states != {State.SUCCEEDED} or len(nodes) != 2:
        raise RuntimeError(f"it went wrong: {states}, by {len(nodes)} workers")
    return {"runs_per_second": count / (ended - begun), "handed_in": count / (handed - begun)}


def celery_throughput(count: int) -> dict[str, float]:
    """Send `count` messages over Redis to two bare workers, which record nothing."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("needs redis-server")
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        broker = Redis(project, program)
        broker.start()
        (project / "bare.py").write_text(CELERY.format(url=broker.url))
        sys.path.insert(0, directory)
        import bare  # type: ignore[import-not-found]

        command = [sys.executable, "-m", "celery", "-A", "bare", "worker", "--concurrency=1",
                   "--loglevel=ERROR", "-n"]  # fmt: skip
        try:
            with workers(project, [*command, "one@local"], [*command, "two@local"]):
                wait_for(lambda: len(bare.app.control.ping(timeout=1) or []) == 2, 60)
                begun = time.perf_counter()
                with bare.app.connection_for_write() as link:
                    producer = bare.app.amqp.Producer(link)
                    for _ in range(count):
                        bare.noop.apply_async(producer=producer)
                handed = time.perf_counter()
                with bare.app.connection_for_read() as link:
                    wait_for(lambda: link.default_channel.client.llen("celery") == 0, 600)
                ended = time.perf_counter()
        finally:
            broker.stop()
    return {"runs_per_second": count / (ended - begun), "handed_in": count / (handed - begun)}
