"""What runs one attempt, and what crosses to it and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from rota.core.outcome import Outcome
from rota.core.time import Instant


class Reporter(Protocol):
    """Where a running attempt sends what it has to say; callable from its thread."""

    def log(self, level: str, logger: str, text: str) -> None:
        """Take one line."""

    def progress(self, done: float, total: float | None, note: str) -> None:
        """Take where it stands."""

    def checkpoint(self, value: Any) -> None:
        """Store `value` durably before returning; raises LedgerError where that is impossible."""

    def remember(self, key: str, value: Any) -> None:
        """Store what a step returned durably before returning; raises LedgerError likewise."""


@dataclass(slots=True, eq=False)
class AttemptSpec:
    """One attempt to make."""

    run_id: str
    task_id: str
    attempt: int
    fire_time: Instant | None
    func: Callable[..., Any]
    func_path: str
    file: str | None  # the task file, for a process that must import it
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    checkpoint: Any
    steps: Mapping[str, Any]
    reporter: Reporter


Done = Callable[[AttemptSpec, Outcome], None]


class Stuck(NamedTuple):
    """An attempt that was told to stop and did not, and still occupies something."""

    run_id: str
    task_id: str
    place: str  # "file:line, in function" where it stands, as far as can be told
    since: float  # monotonic seconds


class Executor(Protocol):
    """Runs callables and stops them; every attempt ends with exactly one call of `done`, unless
    it was abandoned."""

    @property
    def slots(self) -> int:
        """Return how many attempts may run at once."""

    def start(self) -> None:
        """Make it ready; callable once more after stop."""

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; `done` is called from any thread when each has ended."""

    def stop(self, call: AttemptSpec) -> None:
        """Ask the attempt to end (coroutine: cancel; thread: `cancelled` turns true; process:
        killed with its children); `done` follows with CANCELLED if it obeys."""

    def abandon(self, call: AttemptSpec) -> None:
        """Give up on an attempt that did not stop: `done` will not be called for it, its slot is
        free again at once, and it is listed as stuck for as long as it goes on."""

    def stuck(self) -> list[Stuck]:
        """Return what was abandoned and still goes on."""

    def shutdown(self) -> None:
        """End everything that can be ended; safe twice and unstarted."""
