"""The executors under test, each with a rig of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rota.core.ports.executor import Executor
from rota.executors.coroutines.executor import AioExecutor
from rota.executors.processes.executor import ProcessExecutor
from rota.executors.threads import ThreadExecutor
from tests.conformance.executors import coroutines, tasks
from tests.conformance.executors.harness import Rig

PROJECT = Path(__file__).parents[3]


@contextmanager
def lent_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run a loop in a thread, as an application does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="application")
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def started(executor: Executor, name: str) -> Iterator[Rig]:
    executor.start()
    functions = coroutines if name.startswith("aio") else tasks
    try:
        yield Rig(executor, functions, name)
    finally:
        executor.shutdown()


@pytest.fixture(params=["aio", "aio lent", "threads", "processes"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Every executor in turn, started."""
    match request.param:
        case "aio":
            with started(AioExecutor(), "aio") as rig:
                yield rig
        case "aio lent":
            with lent_loop() as loop, started(AioExecutor(loop=loop), "aio lent") as rig:
                yield rig
        case "threads":
            with started(ThreadExecutor(4), "threads") as rig:
                yield rig
        case "processes":
            with started(ProcessExecutor(2, project=PROJECT), "processes") as rig:
                yield rig


@pytest.fixture
def aio() -> Iterator[Rig]:
    with started(AioExecutor(), "aio") as rig:
        yield rig


@pytest.fixture
def threads() -> Iterator[Rig]:
    with started(ThreadExecutor(2), "threads") as rig:
        yield rig


@pytest.fixture
def processes() -> Iterator[Rig]:
    with started(ProcessExecutor(1, project=PROJECT), "processes") as rig:
        yield rig


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that lets deaf calls go on to their end; it is there at the latest afterwards."""
    path = tmp_path / "gate"
    yield path
    path.touch()
