"""The last log line of each running run; only new lines are read."""

from __future__ import annotations

import threading
from collections.abc import Collection

from rota.core.ports.history import History
from rota.core.run import LogLine

_CHUNK = 5_000


class Tails:
    """A cache of the last line per run, so that a page reads only new lines; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, LogLine] = {}

    def of(self, history: History, run_ids: Collection[str]) -> dict[str, LogLine]:
        """Return the last line of each of these runs that has one; other runs are dropped."""
        with self._lock:
            self._last = {id: line for id, line in self._last.items() if id in run_ids}
            for run_id in run_ids:
                self._read_on(history, run_id)
            return dict(self._last)

    def _read_on(self, history: History, run_id: str) -> None:
        while True:
            last = self._last.get(run_id)
            after = (last.attempt, last.seq) if last else (0, 0)
            lines = history.logs(run_id, after=after, limit=_CHUNK)
            if lines:
                self._last[run_id] = lines[-1]
            if len(lines) < _CHUNK:
                return
