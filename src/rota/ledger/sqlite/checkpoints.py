"""Checkpoints SQLite's write-ahead log into the file, in a thread of its own instead of the
writer's.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rota.errors import LedgerError
from rota.runtime import fork_safety
from rota.runtime.engine_threads import on_own_thread
from rota.runtime.log_queue import queued

logger = queued("rota.ledger")

EVERY = 1.0
LARGE = 1024 * 1024
"""Bytes of log that are worth a checkpoint."""
CALM = 5
"""Looks without a checkpoint while the log's file, written over from its start, holds little."""
_PAGE = 4096


class Checkpointer:
    """A thread that checkpoints a large log. A passive checkpoint neither waits for other
    connections nor blocks them; the one that a commit triggers keeps that commit's caller waiting.
    """

    def __init__(
        self, path: str, connect: Callable[[], sqlite3.Connection], check: Callable[[], None]
    ) -> None:
        self._log = Path(f"{path}-wal")
        self._connect = connect
        self._check = check  # that the file is still the one that the log belongs to
        self._longest = 0  # bytes of the file, at the last checkpoint; it is written over, not cut
        self._to_skip = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=on_own_thread, args=(self._run,), name="rota-checkpoints", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread; safe to call twice."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                if self._is_due(self._log.stat().st_size):
                    self._checkpoint()
            except (
                OSError,
                sqlite3.Error,
                LedgerError,
            ) as error:  # the writer's own checkpoints remain
                logger.debug("No checkpoint: %s", error)

    def _is_due(self, length: int) -> bool:
        self._to_skip -= 1
        grown, self._longest = length > self._longest, length
        return length > LARGE and (grown or self._to_skip < 0)

    def _checkpoint(self) -> None:
        self._check()
        with fork_safety.undivided(), closing(self._connect()) as connection:
            checkpoint = connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            _, pages, _ = checkpoint.fetchone()
        self._to_skip = 0 if pages * _PAGE > LARGE else CALM
