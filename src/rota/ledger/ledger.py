"""The ledger over a database: writes go through the writer, reads through the history."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from rota.core.ports.clock import Clock
from rota.core.ports.history import History
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import Enqueued, NewRun, OnConflict
from rota.core.time import Instant
from rota.ledger.database import Database
from rota.ledger.history import SqlHistory
from rota.ledger.writer import Writer
from rota.runtime.daemon_threads import run_in_thread

T = TypeVar("T")


def foreign() -> Any:
    """Return the module for other connections, which only their users load."""
    return importlib.import_module("rota.ledger.postgres.foreign")


class SqlLedger:
    """The port's `Ledger` in a database that speaks SQL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._history = SqlHistory(database)
        self._writer = Writer(database, clock)
        self._clock = clock
        self._life = threading.Lock()  # one that still closes is not opened in between

    @property
    def url(self) -> str:
        return self._database.url

    @property
    def history(self) -> History:
        return self._history

    @property
    def clock(self) -> Clock:
        return self._clock

    def open(self) -> None:
        with self._life:
            self._database.open()
            self._writer.start()

    def close(self) -> None:
        with self._life:
            self._writer.stop()
            self._database.close()

    def write(self, operation: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(operation)

    def run(self, operation: Callable[[Transaction], T]) -> T:
        return self._writer.run(operation)

    def run_with(
        self,
        connection: Any,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
    ) -> list[Enqueued]:
        script = self._script(runs, on_conflict, key_until)
        found: list[Enqueued] = foreign().run_on(connection, script)
        return found

    async def run_with_async(
        self,
        connection: Any,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
    ) -> list[Enqueued]:
        script = await run_in_thread(lambda: self._script(runs, on_conflict, key_until))
        found: list[Enqueued] = await foreign().run_on_async(connection, script)
        return found

    def _script(self, runs: Sequence[NewRun], on_conflict: OnConflict, until: Instant) -> Any:
        make = getattr(self._database, "foreign", None)
        if make is None:
            raise foreign().elsewhere(f"the ledger is {self.url}")
        return make(runs, on_conflict, until)

    def version(self) -> int:
        return self._database.version()

    def await_commit(self, seen: int, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        committed, every = self._database.committed, self._database.look_every
        while True:
            count = committed.count  # before the look, so that nothing is missed in between
            version = self._database.version()
            left = deadline - time.monotonic()
            if version != seen or left <= 0:
                return version
            committed.wait(count, min(left, every))

    def latency(self) -> float:
        return self._writer.latency()
