"""Reading a run's log, and following it until the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

from rota.cli import output
from rota.core.ports.history import History
from rota.core.ports.ledger import Ledger
from rota.core.run import FINAL, LogLine, Run
from rota.core.time import to_datetime

_LOOK = 0.1
"""Seconds between polls for commits of other processes; a poll costs microseconds."""
_HOPE = 20  # polls between two calls of `hopeful`
_PAGE = 1_000


def lines(history: History, run_id: str, after: tuple[int, int] = (0, 0)) -> Iterator[LogLine]:
    """Yield the log lines after (attempt, seq) that are written so far."""
    while page := history.logs(run_id, after=after, limit=_PAGE):
        yield from page
        after = (page[-1].attempt, page[-1].seq)


def follow(
    ledger: Ledger,
    run_id: str,
    show: Callable[[LogLine], None],
    *,
    timeout: float | None = None,
    hopeful: Callable[[], bool] = lambda: True,
) -> Run:
    """Show the log as it grows, and return the run once it has ended.

    Returns earlier after `timeout` seconds, or once `hopeful` returns False. Raises
    UnknownRunError and LedgerError.
    """
    began, after, version = time.monotonic(), (0, 0), -1
    for look in count(1):
        seen, version = version, ledger.version()
        if version != seen:
            # Before the log, so that the lines until then are complete.
            run = ledger.history.run(run_id)
            for line in lines(ledger.history, run_id, after):
                show(line)
                after = (line.attempt, line.seq)
            output.flush()
        late = timeout is not None and time.monotonic() - began >= timeout
        if run.state in FINAL or late or (look % _HOPE == 0 and not hopeful()):
            break
        time.sleep(_LOOK)
    return run


def text(line: LogLine) -> str:
    """Return a log line as text that cannot control the terminal or forge a line."""
    at = to_datetime(line.at)
    what = output.neutralise(line.text, lines=True).replace("\n", "\n    ")
    source = f" | {output.neutralise(line.logger)}" if line.logger else ""
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} | {line.level:<8}{source} | {what}"
