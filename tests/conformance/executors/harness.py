"""What every executor is tested with: a reporter that records, runs to wait for, deadlines."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports.executor import AttemptSpec, Executor, UpstreamFacts
from rota.core.time import Instant
from rota.task_api import output_capture
from rota.testing import eventually

DEADLINE = 90.0  # seconds; what is waited for comes much sooner, but for a crowded machine
FIRE_TIME: Instant = 1_700_000_000_000_000
FIRE_TEXT = "2023-11-14T22:13:20+00:00"


def until(holds: Callable[[], object], what: str = "") -> None:
    """Wait until a predicate holds; fails the test when it does not in time."""
    eventually(holds, within=DEADLINE, what=what)


@contextmanager
def capturing() -> Iterator[None]:
    """Hand what runs log and print to their reporters.

    Not a fixture: pytest puts its own streams in place between the set-up and the test.
    """
    output_capture.install()
    try:
        yield
    finally:
        output_capture.uninstall()


class Ticket:
    """One call, its reporter, and how it ended."""

    def __init__(self, numbers: itertools.count[int], call: Mapping[str, Any]) -> None:
        number = next(numbers)
        self.logs: list[tuple[str, str, str]] = []
        self.progresses: list[tuple[float, float | None, str]] = []
        self.checkpoints: list[Any] = []
        self.steps: list[tuple[str, Any]] = []
        self.refuse: Exception | None = None
        self.moments: dict[str, Instant] = {}
        self.facts: list[UpstreamFacts] = []
        self.outcomes: list[Outcome] = []
        self.began = threading.Event()
        self.ended = threading.Event()
        fields = {
            "run_id": f"run-{number}",
            "task_id": f"task-{number}",
            "attempt": 1,
            "fire_time": FIRE_TIME,
            "checkpoint": None,
            "steps": {},
            "reporter": self,
            **call,
        }
        self.call = AttemptSpec(**fields)

    def log(self, level: str, logger: str, text: str) -> None:
        self.logs.append((level, logger, text))

    def progress(self, done: float, total: float | None, note: str) -> None:
        self.progresses.append((done, total, note))
        self.began.set()

    def checkpoint(self, value: Any) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.checkpoints.append(value)

    def remember(self, key: str, value: Any) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.steps.append((key, value))

    def moment(self, name: str) -> Instant | None:
        if self.refuse is not None:
            raise self.refuse
        return self.moments.get(name)

    def upstream(self) -> list[UpstreamFacts]:
        if self.refuse is not None:
            raise self.refuse
        return self.facts

    def done(self, call: AttemptSpec, outcome: Outcome) -> None:
        assert call is self.call
        self.outcomes.append(outcome)
        self.ended.set()

    def outcome(self) -> Outcome:
        assert self.ended.wait(DEADLINE), f"no end within {DEADLINE} s"
        return self.outcomes[0]

    def result(self) -> Any:
        outcome = self.outcome()
        assert outcome.kind is OutcomeKind.SUCCEEDED, outcome
        return outcome.result

    def wait_begun(self) -> None:
        assert self.began.wait(DEADLINE), f"not begun: {self.outcomes} {self.logs}"

    def texts(self, level: str) -> list[str]:
        return [text for one, _, text in self.logs if one == level]


class Rig:
    """An executor, and the module with the functions in the form that it runs."""

    def __init__(self, executor: Executor, functions: ModuleType, name: str) -> None:
        self.executor = executor
        self.functions = functions
        self.name = name
        self._numbers = itertools.count(1)

    def ticket(self, task: str | Callable[..., Any], *args: Any, **fields: Any) -> Ticket:
        """Make a call of a function, or of the one of that name in the right form."""
        func = getattr(self.functions, task) if isinstance(task, str) else task
        call = {
            "func": func,
            "func_path": f"{func.__module__}:{func.__qualname__}",
            "file": func.__code__.co_filename,
            "args": args,
            "kwargs": {},
            **fields,
        }
        return Ticket(self._numbers, call)

    def begin(self, task: str | Callable[..., Any], *args: Any, **fields: Any) -> Ticket:
        """Submit a call."""
        ticket = self.ticket(task, *args, **fields)
        self.executor.submit([ticket.call], ticket.done)
        return ticket

    def run(self, task: str | Callable[..., Any], *args: Any, **fields: Any) -> Outcome:
        """Submit a call and wait for its end."""
        return self.begin(task, *args, **fields).outcome()

    def begin_deaf(self, gate: Path) -> Ticket:
        """Submit a call that goes on until the file is there, and wait until it has begun."""
        ticket = self.begin("ignore", str(gate))
        ticket.wait_begun()
        return ticket
