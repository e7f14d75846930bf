"""Watching the task files, so that what is saved is loaded while everything runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Set
from pathlib import Path

from watchfiles import PythonFilter, watch

_QUIET = 100
"""Milliseconds without a further change after which the changes so far are reported."""
_LONGEST_WAIT = 2_000
_ABSENT = 1.0  # seconds between looks for a directory that is not there
_logger = logging.getLogger(__name__)


class Watcher:
    """Calls `on_change` with the changed paths, on its own thread, until it is stopped."""

    def __init__(self, directory: Path, on_change: Callable[[Set[Path]], object]) -> None:
        self._directory = directory
        self._on_change = on_change
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; safe twice, and after `stop`."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="rota-files", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End within a second, or when the `on_change` under way does; safe twice, unstarted."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._report_changes()
            except OSError as error:  # removed meanwhile, or not there yet, or out of watches
                _logger.debug("%s cannot be watched: %s", self._directory, error)
            self._stop.wait(_ABSENT)

    def _report_changes(self) -> None:
        for changes in watch(
            self._directory,
            watch_filter=PythonFilter(),
            step=_QUIET,
            debounce=_LONGEST_WAIT,
            stop_event=self._stop,
            raise_interrupt=False,
        ):
            try:
                self._on_change({Path(path) for _, path in changes})
            except Exception:
                _logger.exception("Loading the changed task files failed.")
