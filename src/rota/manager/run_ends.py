"""Waits for the ends of runs: one thread for all waiters, woken by the ledger's commits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rota.core.ports.ledger import Ledger
from rota.core.run import FINAL, Run
from rota.definitions.arguments import MismatchError, parameters_of
from rota.engine.planning.task_registry import Registry
from rota.errors import LedgerError
from rota.runtime.daemon_threads import start_in_thread

LONGEST = 5.0
"""Seconds after which it looks without being woken."""

AGAIN = 0.5
"""Seconds between two looks while the ledger is away."""


class RunEnds:
    """Knows which waiter waits for which run; its thread runs only while there are waiters."""

    def __init__(self, ledger: Callable[[], Ledger], registry: Callable[[], Registry]) -> None:
        """`ledger` returns it open, or raises LedgerError."""
        self._ledger = ledger
        self._registry = registry
        self._lock = threading.Lock()
        self._waiters: dict[str, list[Future[Run]]] = {}
        self._watching = False

    def run(self, run_id: str) -> Run:
        """See `RunWatch`."""
        return self._ledger().history.run(run_id)

    def end_of(self, run_id: str) -> Future[Run]:
        """See `RunWatch`."""
        end: Future[Run] = Future()
        found = self._ledger().history.runs_by_id([run_id])
        if found and found[0].state in FINAL:
            end.set_result(found[0])
            return end
        with self._lock:
            self._waiters.setdefault(run_id, []).append(end)
            if not self._watching:
                self._watching = True
                start_in_thread(self._watch, "rota-run-ends")
        return end

    def give_up(self, run_id: str, end: Future[Run]) -> None:
        """See `RunWatch`."""
        with self._lock:
            waiters = self._waiters.get(run_id, [])
            if end in waiters:
                waiters.remove(end)
            if not waiters:
                self._waiters.pop(run_id, None)

    def result_of(self, run: Run) -> Any:
        """See `RunWatch`."""
        entry = self._registry().get(run.task_id)
        if entry is None or run.result is None:
            return run.result
        try:
            return parameters_of(entry.definition.func).returned.rebuilt(run.result)
        except MismatchError:  # it was cut, or other code returned it
            return run.result

    def _watch(self) -> None:
        seen = -1
        while wanted := self._wanted():
            try:
                ledger = self._ledger()
                version = ledger.await_commit(seen, LONGEST)
                seen = version
                for run in ledger.history.runs_by_id(wanted):
                    if run.state in FINAL:
                        self._tell(run)
            except LedgerError:
                seen = -1
                threading.Event().wait(AGAIN)

    def _wanted(self) -> list[str]:
        with self._lock:
            self._watching = bool(self._waiters)
            return list(self._waiters)

    def _tell(self, run: Run) -> None:
        with self._lock:
            waiters = self._waiters.pop(run.id, [])
        for end in waiters:
            if not end.done() and end.set_running_or_notify_cancel():
                end.set_result(run)
