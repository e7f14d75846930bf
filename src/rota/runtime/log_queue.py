"""Delivering the engine's log records on a thread of their own.

Handlers, filters, formatters and record factories are foreign code: they raise, wait, hang, and
call us. None of them runs on the threads that plan, record and hold leases. Those threads put a
note of the record into a queue. A full queue drops further records and counts them.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple

from rota.runtime import fork_safety

MOST = 10_000
"""The most records that wait; further ones are dropped and counted."""

LAST = 0.5
"""Seconds that the shutdown of a node waits for undelivered records."""

MOST_KEPT = 100
"""The most exceptions that are kept for later records."""

KEPT_FOR = 60.0
"""Seconds for which they are kept."""

THREAD = "log records (rota)"
"""The name of the thread that delivers records."""

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None
)


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


class _Note(NamedTuple):
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


class _Ended(NamedTuple):
    """The end of foreign code: the key of its exception, and the text of its traceback."""

    cause: int | None
    trace: str


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
        self._put(level, message, args, _Ended(cause, trace))

    def _put(self, level: int, message: str, args: Any, exc_info: Any = None) -> None:
        caller = sys._getframe(2)
        code = caller.f_code
        place = (code.co_filename, caller.f_lineno, code.co_name)
        _records.put(_note(self._name, level, message, args, exc_info, place))


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


def queued(name: str) -> QueuedLogger:
    """Return the queued logger of this name, for rota's own code."""
    return QueuedLogger(name)


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


class _Records:
    """The queue and its thread, which starts with the first record."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Note | threading.Event] = SimpleQueue()
        self._lock = threading.RLock()  # reentrant: a garbage collection within it may log
        self._thread: threading.Thread | None = None
        self._at_work: tuple[_Note, float] | None = None  # with the monotonic second of its start
        self._failed: tuple[str, float] | None = None  # the error of the last delivery, and when
        self._full = False
        self._reported = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Return how many records wait."""
        return self._queue.qsize()

    def put(self, note: _Note) -> None:
        """Queue a record; never waits and never raises."""
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
                _drop_expired()
                if self._full and self.waiting < MOST // 2:
                    self._full = False
                if self._failed is None and not self._full and self.lost > self._reported:
                    self._report_lost()
            del one  # its objects must not live until the next record comes

    def _next(self) -> _Note | threading.Event | None:
        with suppress(Empty):
            return self._queue.get()
        return None

    def _deliver(self, note: _Note) -> None:
        self._at_work = (note, time.monotonic())
        try:
            _hand_out(note)
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
        self._deliver(_note("rota.logs", logging.WARNING, message, (count,), None, place))
        if self._failed is not None:
            self._reported -= count


def _note(
    logger: logging.Logger | str,
    level: int,
    message: object,
    args: Any,
    exc_info: Any,
    place: tuple[str, int, str],
    extra: Mapping[str, object] | None = None,
    stack: str | None = None,
) -> _Note:
    if isinstance(exc_info, _Ended):
        pass
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info and not isinstance(exc_info, tuple):
        exc_info = sys.exc_info()
    thread = threading.current_thread()
    return _Note(
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


def _hand_out(note: _Note) -> None:
    """Create the record and pass it to its handlers; runs foreign code."""
    logger = note.logger
    if isinstance(logger, str):
        logger = logging.getLogger(logger)
        if not logger.isEnabledFor(note.level):
            return
    path, line, function = note.place
    message, exc_info, trace = note.message, note.exc_info, ""
    if isinstance(exc_info, _Ended):
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


def _drop_expired() -> None:
    """Drop, on this thread, the kept exceptions that no record has used in time."""
    until = time.monotonic() - KEPT_FOR
    for key in [key for key, (_, since) in list(_kept.items()) if since < until]:
        del _kept[key]


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
    ours = (sysconfig.get_paths()["stdlib"], "<frozen", __file__)
    foreign = [place for place in stack if "-packages" in place or not place.startswith(ours)]
    return next(iter(foreign or stack), "an unknown place")


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
        _records.put(_note(self, level, msg, args, exc_info, (path, line, name), extra, stack))

    _log.rota = True  # type: ignore[attr-defined]
    return _log


_here = threading.local()
_kept: dict[int, tuple[BaseException, float]] = {}  # with the monotonic second of its start
_keys = itertools.count(1)
_records = _Records()
_patch = _Patch()
atexit.register(flush, 1.0)  # before that of `logging`, which was registered earlier


@fork_safety.in_child
def _start_anew() -> None:
    """Reset the queue in a forked child: it has its own thread, and none of the engine's."""
    _here.own = False
    _kept.clear()
    _records.__init__()  # type: ignore[misc]
    if _patch._threads:
        _patch._lock = threading.RLock()
        _patch._threads = 1
        _patch.give_back()
