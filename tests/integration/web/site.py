"""A started manager on a real ledger and clock, its server, and a client of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

import rota
from rota import web
from rota.core.run import FINAL, State
from rota.manager import TaskManager
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

FAR = {"hours": 1000}  # never comes by itself during a test


class Site:
    """Everything between a request and the ledger, for real; `options` configure the manager."""

    def __init__(self, directory: Path, **options: Any) -> None:
        options = {"api_creates_tasks": True, **options}
        self.harness = Harness(directory, SystemClock(), **options)
        self.manager: TaskManager = self.harness.manager
        self.server = web.serve(self.manager, port=0)
        self.client = httpx.Client(timeout=60)

    def __enter__(self) -> Site:
        self.manager.start()
        self.server.start()
        self.client.base_url = httpx.URL(self.server.url)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.stop()
        self.manager.shutdown(grace=0)

    def add(
        self,
        func: Any,
        id: str = "",
        *,
        trigger: str = "interval",
        times: Mapping[str, Any] = FAR,
        **options: Any,
    ) -> str:
        """Add a task, by default one that only runs manually, and return its id."""
        id = id or func.__name__
        self.manager.add_task(func, trigger, id, **times, **options)
        return id

    def run(self, id: str, until: State | None = None) -> str:
        """Run a task manually, wait until its run has ended or come into a state, and return it."""
        run_id = self.manager.run_task(id)
        self.wait(run_id, until)
        return run_id

    def wait(self, run_id: str, until: State | None = None) -> None:
        """Wait until a run has ended, or come into a state."""
        wanted = FINAL if until is None else {until}
        eventually(lambda: self.manager.get_run(run_id).state in wanted, what=run_id)

    def wait_for_a(self, state: State, id: str) -> None:
        """Wait until some run of a task has come into a state."""
        eventually(lambda: any(run.state is state for run in self.harness.runs(id)), what=state)


class Gate:
    """Holds tasks until it is opened, or for ever where they are cancelled."""

    def __init__(self) -> None:
        self.open = threading.Event()

    async def hold(self) -> str:
        """Wait politely."""
        while not self.open.is_set():  # noqa: ASYNC110  # opened from another thread
            await asyncio.sleep(0.01)
        return "let through"

    async def block(self) -> None:
        """Wait on the loop itself: the mistake that must not harm the pages."""
        self.open.wait(90)


async def greet() -> dict[str, str]:
    """Say hello."""
    rota.current_run().logger.info("hello")
    rota.current_run().logger.warning("and good night")
    return {"said": "hello"}


def fail() -> None:
    """Raise what the page has to show."""
    raise ValueError("no such luck")
