"""Captures what a task logs and prints, and hands it to its run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from types import FrameType
from typing import Any, TextIO

from rota.core.secrets import MASK, redact_unfinished
from rota.runtime import fork_safety
from rota.task_api.current_run import (
    CurrentRun,
    keep_unfinished_line,
    record_log,
    record_output,
    running,
    unfinished_line,
)

_lock = fork_safety.new_lock()
_installed = 0


def install(*, write_through: bool = True) -> None:
    """Start capturing in this process: logging, `sys.stdout` and `sys.stderr`; counts its calls.

    Without `write_through`, what a run prints and logs goes to the run alone.
    """
    global _installed
    with _lock:
        _installed += 1
        if _installed == 1:
            _root.addHandler(_mark)
            _root.parent = _above
            sys.stdout = _tee(sys.stdout, "STDOUT", write_through)
            sys.stderr = _tee(sys.stderr, "STDERR", write_through)


def uninstall() -> None:
    """Undo one `install`; the last one restores everything. Safe without one."""
    global _installed
    with _lock:
        if _installed == 1:
            _root.parent = None
            _root.removeHandler(_mark)
            sys.stdout = _untee(sys.stdout)
            sys.stderr = _untee(sys.stderr)
        _installed = max(0, _installed - 1)


def keep() -> None:
    """Let the root logger propagate its records to the handler for runs, even if a configuration of
    logging turned that off; costs next to nothing.
    """
    _root.propagate = True


@fork_safety.in_child
def restore() -> None:
    """Undo every `install`; also in a child, in which none of the runs continues."""
    global _installed
    _installed = min(_installed, 1)
    uninstall()


class _RunHandler(logging.Handler):
    """Hands records to the current run; without a run it costs a look at the context."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the handler's lock: a reporter that waits must not make other runs wait.
        if (run := running()) is not None:
            record_log(run, record.levelname, record.name, self._text(record))
        return True

    def _text(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        except Exception as error:  # wrong arguments for its message
            return f"{record.msg!r} {record.args!r} ({type(error).__name__}: {error})"


# A configuration of logging removes the handlers of the root logger, but none above it.
_root = logging.getLogger()
_above = logging.Logger("rota-run")
_above.addHandler(_RunHandler())
_mark = logging.NullHandler()  # for with none at the root, `logging.info` would add a console


_LONGEST = 2_000
"""Characters of an unfinished line that are looked at again when it continues."""

_KEPT = 500
"""Of a longer one, the last characters that are."""


class _Tee:
    """A text stream that writes through to another one, and to the current run."""

    def __init__(self, stream: TextIO, level: str, write_through: bool) -> None:
        self._stream = stream
        self._level = level
        self._write_through = write_through

    def write(self, text: str) -> int:
        run = running()
        if run is not None and isinstance(text, str):
            if not _logging_now(sys._getframe(1)):
                record_output(run, self._level, text)
            if self._write_through:
                with suppress(OSError, ValueError):  # a console that is gone fails no run
                    self._stream.write(self._masked(run, text))
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError) if running() is not None else nullcontext():
            self._stream.flush()

    def _masked(self, run: CurrentRun, text: str) -> str:
        """Return the text for the console: without secrets, even if a line comes in parts."""
        whole = unfinished_line(run, self._level) + text
        before, shown = redact_unfinished(whole[: -len(text) or None]), redact_unfinished(whole)
        rest = whole.rpartition("\n")[2]
        keep_unfinished_line(run, self._level, rest[-_KEPT:] if len(rest) > _LONGEST else rest)
        if shown.startswith(before):
            return shown[len(before) :]
        return MASK + text[len(text) - _common_end(text, shown) :]  # a secret began before it

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _common_end(one: str, other: str) -> int:
    """Return how many characters at their ends two texts have in common."""
    length = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        length += 1
    return length


def _tee(stream: TextIO | None, level: str, write_through: bool) -> Any:
    return None if stream is None else _Tee(stream, level, write_through)


def _untee(stream: Any) -> Any:
    """Return the wrapped stream; one that other code put in place of ours stays."""
    return stream._stream if isinstance(stream, _Tee) else stream


def _logging_now(frame: FrameType | None) -> bool:
    """Return whether a logging handler is writing a record that our own handler gets as well."""
    while frame is not None:
        if frame.f_code is logging.Logger.callHandlers.__code__:
            return _reaches_root(frame.f_locals["self"])
        frame = frame.f_back
    return False


def _reaches_root(logger: logging.Logger) -> bool:
    while logger.parent is not None and logger.propagate:
        logger = logger.parent
    return logger.parent is None
