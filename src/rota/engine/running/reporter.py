"""The output of running attempts: lines, progress, checkpoints and steps, on their way to the
ledger.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from rota.core.ports.clock import Clock
from rota.core.ports.executor import UpstreamFacts
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.run import LogLine, Step
from rota.core.secrets import redact_text
from rota.core.time import Instant
from rota.errors import LedgerError, LedgerUnavailableError

STORE_WAIT = 30.0
"""Seconds that a task waits until what it stores is durable, before the store fails."""

STORE_PAUSE = 0.5
"""Seconds until a step is stored once more when the ledger was away."""

LINE_COST = 40
"""Bytes that a line counts in addition to its text, so that empty ones reach the limit too."""


class RunReporter:
    """Takes the output of one attempt, from its own threads, and keeps it until the next flush."""

    __slots__ = (
        "_attempt", "_clock", "_fence", "_ledger", "_left", "_lines", "_noted", "_progress",
        "_run_id", "_seq", "_waiting", "moment",
    )  # fmt: skip

    def __init__(
        self,
        run_id: str,
        attempt: int,
        fence: int,
        limit: int,
        ledger: Ledger,
        clock: Clock,
        waiting: Callable[[RunReporter], None],
        moment: Callable[[str], Instant | None],
    ) -> None:
        """`waiting` is called with it, once until the next take, when it has something."""
        self._run_id = run_id
        self._attempt = attempt
        self._fence = fence
        self._left = limit
        self._ledger = ledger
        self._clock = clock
        self._waiting = waiting
        self.moment = moment
        """See `Reporter.moment`."""
        self._lines: deque[LogLine] = deque()
        self._progress: dict[str, Any] | None = None
        self._seq = count(1)
        self._noted = False

    def log(self, level: str, logger: str, text: str) -> None:
        """Take one line, up to the run's limit in bytes; the line that reaches the limit reports
        that.
        """
        if self._left <= 0:
            return
        if len(text) >= self._left:
            text = f"{text[: self._left]} … (run_log_limit reached: nothing more is kept)"
        text = redact_text(text)
        self._left -= len(text.encode(errors="replace")) + LINE_COST
        line = LogLine(
            self._run_id, self._attempt, next(self._seq), self._clock.now(), level, logger, text
        )
        self._lines.append(line)
        self._announce()

    def progress(self, done: float, total: float | None, note: str) -> None:
        """Take the current progress; only the latest is kept."""
        self._progress = {"done": done, "total": total, "note": note}
        self._announce()

    def _announce(self) -> None:
        if not self._noted:
            self._noted = True
            self._waiting(self)

    def checkpoint(self, value: Any) -> None:
        """Store `value` durably before returning; raises LedgerError if that is impossible."""
        self._store("the checkpoint", lambda tx: tx.checkpoint(self._run_id, self._fence, value))

    def remember(self, key: str, value: Any) -> None:
        """Store the result of a step durably before returning, repeatedly while the ledger is
        unavailable: the step has been done, and a retry would repeat it. Raises LedgerError if that
        is impossible.
        """
        step = Step(key, value, self._clock.now())
        give_up = time.monotonic() + STORE_WAIT
        while True:
            try:
                return self._store(
                    f"the step {key!r}", lambda tx: tx.remember(self._run_id, self._fence, step)
                )
            except LedgerUnavailableError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(STORE_PAUSE)

    def upstream(self) -> list[UpstreamFacts]:
        """Return the upstream runs that named the run; raises LedgerError."""
        history = self._ledger.history
        run = history.run(self._run_id)
        named = run.upstream
        if run.replay is not None and run.fire_time is not None:
            first = history.runs_of_occurrences(run.task_id, [run.fire_time])[0]
            named = first.upstream
        if not named:
            return []
        found = {run.id: run for run in history.runs_by_id(list(named.values()))}
        facts: list[UpstreamFacts] = []
        for task_id, run_id in named.items():
            one = found.get(run_id)  # None: it was pruned since
            rest = (None,) * 3 if one is None else (one.fire_time, one.state.value, one.result)
            facts.append((task_id, run_id, *rest))
        return facts

    def _store(self, what: str, write: Callable[[Transaction], bool]) -> None:
        future = self._ledger.write(write)
        try:
            stored = future.result(STORE_WAIT)
        except TimeoutError:
            raise LedgerError(f"{what} could not be stored in time", where=self._run_id) from None
        if not stored:
            raise LedgerError(
                f"{what} was refused: this run now belongs to another node", where=self._run_id
            )

    def take(self) -> tuple[list[LogLine], dict[str, Any] | None]:
        """Return the lines and the progress since the last take."""
        if not self._noted and not self._lines and self._progress is None:
            return [], None
        self._noted = False
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        value, self._progress = self._progress, None
        return lines, value

    @property
    def fence(self) -> int:
        """Return the fence under which this attempt may write."""
        return self._fence

    @property
    def run_id(self) -> str:
        """Return the run that this attempt belongs to."""
        return self._run_id
