"""Watching the task files, so that a saved file is loaded without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from pathlib import Path

from watchfiles import Change, PythonFilter, watch

from rota.logs import queued

_QUIET = 100
"""Milliseconds without another change after which the changes so far are reported."""
_LONGEST_WAIT = 2_000
_LOOK = 1.0  # seconds between checks for a missing directory
_BEGUN = 1_000
"""Milliseconds after which the watch has certainly begun."""
_RETRY = 60.0  # seconds until a directory that cannot be watched is tried again
_logger = queued(__name__)


class Watcher:
    """A thread that calls `on_change` with the changed paths until it is stopped.

    When the watch has begun, it calls `on_change` with the directory itself: files may have
    changed before.
    """

    def __init__(self, directory: Path, on_change: Callable[[Set[Path]], object]) -> None:
        self._directory = directory
        self._on_change = on_change
        # It belongs to the current thread; a former thread that is still ending has its own.
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; does nothing if it runs. May be called again after `stop`."""
        if self._thread is None:
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._watch, args=(self._stop,), name="rota-files", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread; waits at most a second, or until a running `on_change` returns.

        Does nothing if the watcher is not started.
        """
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self._directory.is_dir():
                stop.wait(_LOOK)
                continue
            try:
                self._report_changes(stop)
            except FileNotFoundError:  # it was removed just now
                continue
            except OSError as error:  # for example, the system has no watches left
                _logger.warning("%s cannot be watched: %s", self._directory, error)
                stop.wait(_RETRY)

    def _report_changes(self, stop: threading.Event) -> None:
        """Report changes until the directory itself is removed, which ends its watch."""
        has_begun = False
        for changes in watch(
            self._directory,
            watch_filter=_TaskFiles(self._directory),
            step=_QUIET,
            debounce=_LONGEST_WAIT,
            stop_event=stop,
            raise_interrupt=False,
            rust_timeout=_BEGUN,
            yield_on_timeout=True,
        ):
            paths = {Path(path) for _, path in changes}
            if paths or not has_begun:
                self._report(paths if has_begun else paths | {self._directory})
            has_begun = True
            if self._directory in paths:
                return

    def _report(self, paths: Set[Path]) -> None:
        try:
            self._on_change(paths)
        except Exception:
            _logger.exception("Loading the changed task files failed.")


class _TaskFiles(PythonFilter):
    """A filter for Python files, and for the removal of the watched directory itself."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        super().__init__()

    def __call__(self, change: Change, path: str) -> bool:
        """Return whether a change is to be reported."""
        ended = change is Change.deleted and path == self._directory
        return ended or super().__call__(change, path)
