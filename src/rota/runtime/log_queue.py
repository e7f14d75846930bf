"""Delivering the engine's log records on a thread of their own.

Handlers, filters, formatters and record factories are foreign code: they raise, wait, hang, and
call us. None of them runs on the threads that plan, record and hold leases. Those threads put a
note of the record into a queue. A full queue drops further records and counts them. The records of
libraries on these threads are queued as well (`engine_threads`).
"""

from __future__ import annotations

import atexit
import logging
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from rota.runtime import fork_safety, log_notes
from rota.runtime.log_notes import ForeignEnd, LogNote, deliver, drop_expired, note_of

MOST = 10_000
"""The most records that wait; further ones are dropped and counted."""

LAST = 0.5
"""Seconds that the shutdown of a node waits for undelivered records."""

THREAD = "log records (rota)"
"""The name of the thread that delivers records."""


class LogDelivery(NamedTuple):
    """How the delivery of log records is; all times are seconds."""

    waiting: int = 0
    lost: int = 0
    is_full: bool = False  # records come faster than they are taken
    held: float = 0.0  # that a handler has had its current record
    waited: float = 0.0  # since the current record was made
    place: str = ""  # of the handler
    error: str | None = None  # what it raised at the last record
    error_age: float = 0.0


class QueuedLogger:
    """A logger that delivers its records on the thread of the queue.

    It uses the levels, handlers and filters of the standard library's logger of the same name,
    looked up at delivery. No method waits or raises.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, message: str, *args: object) -> None:
        """Log a detail that helps only while debugging."""
        self._put(logging.DEBUG, message, args)

    def info(self, message: str, *args: object) -> None:
        """Log a normal event."""
        self._put(logging.INFO, message, args)

    def warning(self, message: str, *args: object) -> None:
        """Log a condition that an operator should know about."""
        self._put(logging.WARNING, message, args)

    def error(self, message: str, *args: object, exc_info: Any = None) -> None:
        """Log an error."""
        self._put(logging.ERROR, message, args, exc_info)

    def exception(self, message: str, *args: object) -> None:
        """Log an error with the exception that is being handled."""
        self._put(logging.ERROR, message, args, sys.exc_info())

    def log(self, level: int, message: str, *args: object, exc_info: Any = None) -> None:
        """Log at a level that is known only at run time."""
        self._put(level, message, args, exc_info)

    def log_end(
        self, level: int, message: str, *args: object, cause: int | None, trace: str
    ) -> None:
        """Log the end of foreign code, with its exception if kept, else its traceback as text."""
        self._put(level, message, args, ForeignEnd(cause, trace))

    def _put(self, level: int, message: str, args: Any, exc_info: Any = None) -> None:
        caller = sys._getframe(2)
        code = caller.f_code
        place = (code.co_filename, caller.f_lineno, code.co_name)
        put(note_of(self._name, level, message, args, exc_info, place))


def queued(name: str) -> QueuedLogger:
    """Return the queued logger of this name, for rota's own code."""
    return QueuedLogger(name)


def flush(timeout: float = LAST) -> bool:
    """Wait until every record so far is delivered, at most `timeout` seconds.

    Returns whether all were delivered. On the delivering thread it returns at once.
    """
    return _records.flush(timeout)


def lost() -> int:
    """Return how many records of this process were dropped, or lost because a handler raised."""
    return _records.lost


def waiting() -> int:
    """Return how many records wait to be delivered."""
    return _records.waiting


def delivery() -> LogDelivery:
    """Return how the delivery of log records is."""
    return _records.delivery()


def put(note: LogNote) -> None:
    """Queue a record; never waits and never raises."""
    _records.put(note)


class _Records:
    """The queue and its thread, which starts with the first record."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[LogNote | threading.Event] = SimpleQueue()
        self._lock = threading.RLock()  # reentrant: a garbage collection within it may log
        self._thread: threading.Thread | None = None
        self._at_work: tuple[LogNote, float] | None = None  # with the monotonic second of its start
        self._failed: tuple[str, float] | None = None  # the error of the last delivery, and when
        self._full = False
        self._reported = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Return how many records wait."""
        return self._queue.qsize()

    def put(self, note: LogNote) -> None:
        """See the function of this name."""
        if self._queue.qsize() >= MOST:
            with self._lock:
                self.lost += 1
                self._full = True
            return
        self._queue.put(note)
        if self._thread is None:
            self._begin()

    def flush(self, timeout: float) -> bool:
        """See the function of this name."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        delivered = threading.Event()
        self._queue.put(delivered)
        return delivered.wait(timeout)

    def delivery(self) -> LogDelivery:
        """See the function of this name."""
        now, at_work, failed = time.monotonic(), self._at_work, self._failed
        return LogDelivery(
            waiting=self.waiting,
            lost=self.lost,
            is_full=self._full,
            held=0.0 if at_work is None else now - at_work[1],
            waited=0.0 if at_work is None else now - at_work[0].created,
            place="" if at_work is None else _place(self._thread),
            error=None if failed is None else failed[0],
            error_age=0.0 if failed is None else now - failed[1],
        )

    def _begin(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._work, name=THREAD, daemon=True)
            try:
                thread.start()
            except (
                RuntimeError
            ):  # no more threads, or the interpreter ends: the next record tries again
                return
            self._thread = thread

    def _work(self) -> None:
        while True:
            one = self._next()
            if isinstance(one, threading.Event):
                one.set()
            elif one is not None:
                self._deliver(one)
                drop_expired()
                if self._full and self.waiting < MOST // 2:
                    self._full = False
                if self._failed is None and not self._full and self.lost > self._reported:
                    self._report_lost()
            del one  # its objects must not live until the next record comes

    def _next(self) -> LogNote | threading.Event | None:
        with suppress(Empty):
            return self._queue.get()
        return None

    def _deliver(self, note: LogNote) -> None:
        self._at_work = (note, time.monotonic())
        try:
            deliver(note)
        except BaseException as error:  # no exception may stop the next record
            with self._lock:
                self.lost += 1
            self._failed = (_words(error), time.monotonic())
        else:
            self._failed = None
        finally:
            self._at_work = None

    def _report_lost(self) -> None:
        """Log how many records were lost, once delivery works again."""
        count, self._reported = self.lost - self._reported, self.lost
        message = "%d log records were dropped: the log handlers raised, or did not take them"
        place = (__file__, 0, "")
        self._deliver(note_of("rota.logs", logging.WARNING, message, (count,), None, place))
        if self._failed is not None:
            self._reported -= count


def _words(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        text = "(it cannot be shown)"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(error).__name__}{f' ({text[:200]})' if text else ''}{place}"


def _place(thread: threading.Thread | None) -> str:
    """Return the file and line that a thread is executing, foreign code first."""
    frame = sys._current_frames().get((thread.ident if thread else None) or 0)
    stack = []
    while frame is not None:
        stack.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    ours = (sysconfig.get_paths()["stdlib"], "<frozen", __file__, log_notes.__file__)
    foreign = [place for place in stack if "-packages" in place or not place.startswith(ours)]
    return next(iter(foreign or stack), "an unknown place")


_records = _Records()
atexit.register(flush, 1.0)  # before that of `logging`, which was registered earlier


@fork_safety.in_child
def _start_anew() -> None:
    """Give a forked child an empty queue with a thread of its own."""
    _records.__init__()  # type: ignore[misc]
