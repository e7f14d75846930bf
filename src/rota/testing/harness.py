"""A task manager on a fake clock, for tests without waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from rota.config import Xcorecfg
from rota.core.ports.clock import Clock
from rota.core.ports.records import RunFilter
from rota.core.run import FINAL, Run
from rota.manager import TaskManager
from rota.testing.clock import FakeClock

T = TypeVar("T")


def eventually(
    look: Callable[[], T], *, within: float = 60.0, what: str | Callable[[], str] = ""
) -> T:
    """Return the result of `look` as soon as it is true.

    Raises AssertionError after `within` real seconds. Its message is `what`, or what `what`
    returns then if it is a function.
    """
    pause = threading.Event()
    began = time.monotonic()
    deadline = began + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            words = what() if callable(what) else what
            raise AssertionError(f"never came true within {within} s: {words or look}")
        # What takes long is looked at more seldom: a look may cost more than what it waits for.
        pause.wait(min(max((time.monotonic() - began) / 20, 0.005), 0.1))


class Harness:
    """A `manager` on a `clock` that moves only when the test moves it; `with` starts the manager.

    `options` are keys of the configuration's `manager` section; `cluster` is its `cluster`
    section. The ledger is a file in `directory`, so a second harness in the same directory is a
    restart or another node.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock | None = None,
        *,
        cluster: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        settings = {"ledger_url": f"sqlite:///{directory / 'rota.db'}", **options}
        self.manager = TaskManager(
            Xcorecfg.model_validate({"manager": settings, "cluster": dict(cluster)}),
            project=directory,
            clock=self.clock,
        )

    def __enter__(self) -> Harness:
        self.manager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.shutdown(grace=0)

    def advance(self, span: float) -> None:
        """Move the clock forward by `span` seconds and wake every loop of the engine."""
        self.fake_clock.advance(span)
        self.manager.services.engine.poke()

    @property
    def fake_clock(self) -> FakeClock:
        """Return the fake clock; raises TypeError if the harness runs on a real one."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("this harness runs on a real clock")
        return self.clock

    def runs(self, task_id: str | None = None) -> list[Run]:
        """Return the runs, oldest first."""
        where = RunFilter(task_id=task_id)
        return self.manager.history.runs(where, limit=10_000, newest_first=False).runs

    def ended(self, task_id: str | None = None, count: int = 1) -> list[Run]:
        """Wait until at least `count` runs exist and all have ended, and return them."""

        def look() -> list[Run]:
            runs = self.runs(task_id)
            done = len(runs) >= count and all(run.state in FINAL for run in runs)
            return runs if done else []

        return eventually(look, what=lambda: f"{count} ended of {self.runs(task_id)}")
