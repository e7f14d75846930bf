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
_LOOK = 1_000
"""Milliseconds between looks whether the directory is there, and still the same one."""
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
        found_before = True
        while not self._stop.is_set():
            try:
                place = _identity(self._directory)
                if not found_before:
                    self._report({self._directory})
                found_before = True
                self._report_changes(place)
            except OSError as error:  # removed meanwhile, or not there yet, or out of watches
                _logger.debug("%s cannot be watched: %s", self._directory, error)
                found_before = False
            self._stop.wait(_LOOK / 1_000)

    def _report_changes(self, place: tuple[int, int]) -> None:
        """Report changes until the directory is no longer the one that is being watched."""
        for changes in watch(
            self._directory,
            watch_filter=PythonFilter(),
            step=_QUIET,
            debounce=_LONGEST_WAIT,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
        ):
            if changes:
                self._report({Path(path) for _, path in changes})
            if _identity(self._directory) != place:
                raise FileNotFoundError("another directory stands in its place")

    def _report(self, paths: Set[Path]) -> None:
        try:
            self._on_change(paths)
        except Exception:
            _logger.exception("Loading the changed task files failed.")


def _identity(directory: Path) -> tuple[int, int]:
    status = directory.stat()
    return status.st_dev, status.st_ino
