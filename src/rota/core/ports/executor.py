"""What runs one attempt, and what crosses to it and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from rota.core.outcome import Outcome
from rota.core.time import Instant

UpstreamFacts = Sequence[Any]
"""An upstream run: id of the task, id, fire time (an instant), state, result."""


class Reporter(Protocol):
    """Where a running attempt sends its output and its progress; callable from its thread."""

    def log(self, level: str, logger: str, text: str) -> None:
        """Take one line."""

    def progress(self, done: float, total: float | None, note: str) -> None:
        """Take the current progress."""

    def checkpoint(self, value: Any) -> None:
        """Store `value` durably before returning; raises LedgerError if that is impossible."""

    def remember(self, key: str, value: Any) -> None:
        """Store what a step returned durably before returning; raises LedgerError likewise."""

    def moment(self, name: str) -> Instant | None:
        """Return a time around the run, `previous_fire_time`, `next_fire_time` or `last_success`;
        raises LedgerError if it cannot be found out."""

    def upstream(self) -> Sequence[UpstreamFacts]:
        """Return the upstream runs that named this run, none for one that has none; raises
        LedgerError if that cannot be found out."""


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
    replay: int | None = None


Done = Callable[[AttemptSpec, Outcome], None]


class Stuck(NamedTuple):
    """An attempt that was asked to stop and did not, and still occupies a slot or a process."""

    run_id: str
    task_id: str
    place: str  # "file:line, in function" of its current position, as far as known
    since: float  # monotonic seconds


class Executor(Protocol):
    """Runs callables and stops them; every attempt ends with exactly one call of `done`, unless
    it was abandoned."""

    @property
    def slots(self) -> int:
        """Return how many attempts can run at once."""

    def start(self) -> None:
        """Prepare the executor; callable again after stop."""

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; `done` is called from any thread when each has ended."""

    def stop(self, call: AttemptSpec) -> None:
        """Ask the attempt to end. A coroutine is cancelled, for a thread `cancelled` becomes true,
        and a process is killed with its children. `done` follows with CANCELLED if the attempt
        obeys.
        """

    def abandon(self, call: AttemptSpec) -> None:
        """Give up on an attempt that did not stop. `done` will not be called for it, its slot is
        free again at once, and it is listed as stuck as long as it is still running.
        """

    def stuck(self) -> list[Stuck]:
        """Return the abandoned attempts that are still running."""

    def shutdown(self) -> None:
        """End everything that can be ended; safe to call twice, and without a start."""
