"""Notes of log records: taken on the engine's threads, made into records on the delivering one."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from rota.runtime import fork_safety

MOST_KEPT = 100
"""The most exceptions that are kept for later records."""

KEPT_FOR = 60.0
"""Seconds for which they are kept."""


class LogNote(NamedTuple):
    """A record to be made: everything that only the logging thread knows."""

    logger: logging.Logger | str
    level: int
    message: object
    args: Any
    exc_info: Any
    place: tuple[str, int, str]
    created: float  # monotonic seconds
    thread: tuple[int, str]
    extra: Mapping[str, object] | None = None
    stack: str | None = None


class ForeignEnd(NamedTuple):
    """The end of foreign code: the key of its exception, and the text of its traceback."""

    cause: int | None
    trace: str


def keep(error: BaseException) -> int | None:
    """Keep an exception of foreign code for `QueuedLogger.log_end` and return its key.

    Returns None if too many are kept already. No thread of the engine ever holds the exception:
    dropping its last reference destroys the objects in its frames, and their destructors are
    foreign code too.
    """
    if len(_kept) >= MOST_KEPT:
        return None
    key = next(_keys)
    _kept[key] = error, time.monotonic()
    return key


def note_of(
    logger: logging.Logger | str,
    level: int,
    message: object,
    args: Any,
    exc_info: Any,
    place: tuple[str, int, str],
    extra: Mapping[str, object] | None = None,
    stack: str | None = None,
) -> LogNote:
    if isinstance(exc_info, ForeignEnd):
        pass
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info and not isinstance(exc_info, tuple):
        exc_info = sys.exc_info()
    thread = threading.current_thread()
    return LogNote(
        logger,
        level,
        message,
        args,
        exc_info,
        place,
        time.monotonic(),
        (threading.get_ident(), thread.name),
        extra,
        stack,
    )


def deliver(note: LogNote) -> None:
    """Create the record and pass it to its handlers; runs foreign code."""
    logger = note.logger
    if isinstance(logger, str):
        logger = logging.getLogger(logger)
        if not logger.isEnabledFor(note.level):
            return
    path, line, function = note.place
    message, exc_info, trace = note.message, note.exc_info, ""
    if isinstance(exc_info, ForeignEnd):
        error, _ = _kept.pop(exc_info.cause or 0, (None, 0.0))
        trace = exc_info.trace
        exc_info = None if error is None else (type(error), error, error.__traceback__)
        if error is None and trace:
            message, trace = f"{message}\n{trace.replace('%', '%%')}", ""
    record = logger.makeRecord(
        logger.name,
        note.level,
        path,
        line,
        message,
        note.args,
        exc_info,
        function,
        note.extra,
        note.stack,
    )
    if trace:
        record.exc_text = trace  # as in the ledger, so that no formatter formats the exception
    late = time.monotonic() - note.created
    record.created -= late
    record.msecs = record.created % 1 * 1000
    record.relativeCreated -= late * 1000
    record.thread, record.threadName = note.thread
    logger.handle(record)


def drop_expired() -> None:
    """Drop, on this thread, the kept exceptions that no record has used in time."""
    until = time.monotonic() - KEPT_FOR
    for key in [key for key, (_, since) in list(_kept.items()) if since < until]:
        del _kept[key]


_kept: dict[int, tuple[BaseException, float]] = {}  # with the monotonic second of its start
_keys = itertools.count(1)


@fork_safety.in_child
def _start_anew() -> None:
    """Drop in a forked child what the parent kept."""
    _kept.clear()
