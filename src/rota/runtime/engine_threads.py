"""Marking the engine's threads: what libraries log on them is queued, and runs no handler there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rota.runtime import fork_safety, log_queue
from rota.runtime.log_notes import note_of


@contextmanager
def own_thread() -> Iterator[None]:
    """Mark this thread as the engine's: records that libraries log on it are queued as well."""
    before = getattr(_here, "own", False)
    _here.own = True
    _patch.take()
    try:
        yield
    finally:
        _here.own = before
        _patch.give_back()


def on_own_thread(work: Callable[[], object]) -> None:
    """Run `work` on a thread marked as the engine's, for `threading.Thread(target=…)`."""
    with own_thread():
        work()


class _Patch:
    """The patch of `logging.Logger._log`, in place while the engine has threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._threads = 0
        self._plain: Any = None

    def take(self) -> None:
        """Divert the records of the engine's threads, with its first thread."""
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._plain = logging.Logger._log
                logging.Logger._log = _divert(self._plain)  # type: ignore[method-assign]

    def give_back(self) -> None:
        """Remove the patch with the last thread, unless other code has patched over it."""
        with self._lock:
            self._threads -= 1
            ours = getattr(logging.Logger._log, "rota", False)
            if not self._threads and ours:
                logging.Logger._log = self._plain  # type: ignore[method-assign]


def _divert(plain: Any) -> Any:
    def _log(
        self: logging.Logger,
        level: int,
        msg: object,
        args: Any,
        exc_info: Any = None,
        extra: Mapping[str, object] | None = None,
        stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:
        if not getattr(_here, "own", False):
            plain(self, level, msg, args, exc_info, extra, stack_info, stacklevel + 1)
            return
        path, line, name, stack = logging.Logger.findCaller(self, stack_info, stacklevel + 1)
        log_queue.put(note_of(self, level, msg, args, exc_info, (path, line, name), extra, stack))

    _log.rota = True  # type: ignore[attr-defined]
    return _log


_here = threading.local()
_patch = _Patch()


@fork_safety.in_child
def _start_anew() -> None:
    """Forget in a forked child the parent's threads: it has none of them."""
    _here.own = False
    if _patch._threads:
        _patch._lock = threading.RLock()
        _patch._threads = 1
        _patch.give_back()
