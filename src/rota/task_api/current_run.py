"""The run that this code is part of: what `rota.current_run()` returns, and how it is set."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from rota.core.json_depth import DEEPEST, is_too_deep
from rota.core.ports.executor import AttemptSpec
from rota.core.time import to_datetime
from rota.errors import NotRunningError
from rota.runtime import fork_safety
from rota.runtime.keyed_lock import KeyedLock

MOST_STORED = 1024 * 1024
"""Bytes of JSON that a checkpoint, or what a step returns, may take."""

_MOST_BUFFERED = 64 * 1024  # characters of a line that has not ended
_UNSET: Any = object()
_running: ContextVar[CurrentRun | None] = ContextVar("rota.current_run")
_making_locks = fork_safety.new_lock()


def run_here() -> CurrentRun | None:
    """Return the run that this code is part of; None outside of one."""
    return _running.get(None)


def current_run() -> CurrentRun:
    """Return the run that this code is part of; raises NotRunningError outside of one."""
    run = _running.get(None)
    if run is None:
        raise NotRunningError(
            "No run is in progress here.",
            remedy="Call rota.current_run() inside a task that rota started. A thread of your own"
            " knows its run if you start it with contextvars.copy_context().run.",
        )
    return run


@dataclass(frozen=True, slots=True)
class UpstreamRun:
    """A run that the current one runs after; `fire_time` is aware and in UTC, and None for a manual
    start. Of a run that was pruned, only the ids are known.
    """

    task_id: str
    id: str
    fire_time: datetime | None
    state: str  # how it ended: `succeeded`, `failed` ...
    result: Any  # what it returned, as JSON gives it back

    @classmethod
    def of(
        cls, task_id: str, run_id: str, instant: int | None, state: str | None, result: Any
    ) -> Self:
        """Return it from what the reporter knows of it."""
        fire_time = None if instant is None else to_datetime(instant)
        return cls(task_id, run_id, fire_time, state or "", result)


class CurrentRun:
    """The current run: what a task can ask about it, and report of it; callable from any thread of
    the run.
    """

    __slots__ = (
        "_call", "_cancel_requested", "_cancel_seen", "_checkpoint", "_ended", "_on_cancel",
        "_printed", "_step_locks", "_steps", "_unfinished", "_upstream",
    )  # fmt: skip

    def __init__(self, call: AttemptSpec) -> None:
        self._call = call
        self._checkpoint = call.checkpoint
        self._steps = dict(call.steps) if call.steps else {}
        self._step_locks: KeyedLock | None = None  # made when they are first needed
        self._cancel_requested = False
        self._on_cancel: Callable[[], None] | None = None
        self._cancel_seen = False
        self._ended = False
        self._printed: dict[str, Lines] | None = None
        self._unfinished: dict[str, str] | None = None
        self._upstream: dict[str, UpstreamRun] | None = None

    def __repr__(self) -> str:
        return f"<CurrentRun {self.id} of {self.task_id!r}, attempt {self.attempt}>"

    @property
    def id(self) -> str:
        """The id of the run, the same in every attempt."""
        return self._call.run_id

    @property
    def task_id(self) -> str:
        """The id of the task."""
        return self._call.task_id

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._call.attempt

    @property
    def fire_time(self) -> datetime | None:
        """The time of this run's occurrence, aware and in UTC; None for a manual start. A replay
        has the time of the occurrence that it does again.
        """
        instant = self._call.fire_time
        return None if instant is None else to_datetime(instant)

    @property
    def replay(self) -> int | None:
        """The number of this replay of its occurrence, from 1; None if the run is no replay."""
        return self._call.replay

    @property
    def previous_fire_time(self) -> datetime | None:
        """The time of the occurrence before this one, whether it ran or not, aware and in UTC; None
        if there was none. For a manual start: the last one before now.
        """
        return self._moment("previous_fire_time")

    @property
    def next_fire_time(self) -> datetime | None:
        """The time of the occurrence after this one, aware and in UTC; None if there is none. For
        a manual start: the next one from now on.
        """
        return self._moment("next_fire_time")

    @property
    def last_success(self) -> datetime | None:
        """The fire time of the newest occurrence before this one whose run succeeded, aware and in
        UTC; None if none did. For a manual start: that of the run that succeeded last, or its
        start if it was a manual one. Reads the ledger; raises LedgerError if that is away.
        """
        return self._moment("last_success")

    def _moment(self, name: str) -> datetime | None:
        instant = self._call.reporter.moment(name)
        return None if instant is None else to_datetime(instant)

    @property
    def upstream(self) -> Mapping[str, UpstreamRun]:
        """The upstream runs whose ends named this run, by the ids of their tasks; empty for a task
        that does not run after others, and for a manual start. Reads the ledger once; raises
        LedgerError if that is away.
        """
        if self._upstream is None:
            found = [UpstreamRun.of(*facts) for facts in self._call.reporter.upstream()]
            self._upstream = {run.task_id: run for run in found}
        return self._upstream

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was asked to end; a task in a thread checks this now and then."""
        if self._cancel_requested:
            self._cancel_seen = True
        return self._cancel_requested

    @property
    def logger(self) -> logging.Logger:
        """The standard logger `rota.task.<id>`, which belongs to the run like any other."""
        from rota.logs import get_logger

        return get_logger(f"rota.task.{self.task_id}")

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Report how far the work is, in any unit; raises TypeError if these are no numbers."""
        for name, value in (("done", done), ("total", total)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                if name == "total" and value is None:
                    continue
                raise TypeError(f"progress({name}={value!r}): {name} must be a number.")
            if value != value or value in (float("inf"), float("-inf")):
                raise TypeError(f"progress({name}={value!r}): {name} must be a finite number.")
        if not self._ended:
            self._call.reporter.progress(done, total, str(note))

    def checkpoint(self, value: Any = _UNSET) -> Any:
        """Return what was stored last, also by an earlier attempt (None: nothing); with `value`,
        store it durably first.

        The value comes back as JSON gives it back: a tuple as a list, keys as strings. Raises
        TypeError if JSON cannot hold it, ValueError if it takes more than 1 MiB, NotRunningError
        after the attempt was given up.
        """
        if value is _UNSET:
            return self._checkpoint
        stored = storable(value, "checkpoint(…)")
        check_in_progress(self)
        self._call.reporter.checkpoint(stored)
        self._checkpoint = stored
        return stored


def storable(value: Any, what: str) -> Any:
    """Return `value` as the ledger will give it back; `what` begins the errors.

    Raises TypeError if JSON cannot hold it, ValueError if it takes more than 1 MiB or is
    nested more than 100 levels deep.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode(errors="replace")
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"{what}: JSON cannot hold this {type(value).__name__}: {error}."
            " Store numbers, texts, lists and dicts of these."
        ) from error
    if len(text) > MOST_STORED:
        raise ValueError(
            f"{what}: it takes {len(text):,} bytes as JSON, and {MOST_STORED:,} are the most."
            " Store the place of the data: a path, a key."
        )
    stored = json.loads(text)
    if is_too_deep(stored):
        raise ValueError(f"{what}: it is nested more than {DEEPEST} levels deep. Store it flatter.")
    return stored


class Lines:
    """Cuts a text that comes in pieces into whole lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take the next piece and return the lines that it completes, without their ends."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            if len(self._rest) > _MOST_BUFFERED:
                lines, self._rest = [*lines, self._rest], ""
        return [_shown(line) for line in lines]

    def rest(self) -> list[str]:
        """Return what has not ended with a newline, as a line, and forget it."""
        with self._lock:
            rest, self._rest = self._rest, ""
        return [_shown(rest)] if rest else []


def _shown(line: str) -> str:
    """Return what a terminal shows at last of a line that overwrites itself: progress bars."""
    return line.rstrip("\r").rpartition("\r")[2]


# --- for the executors, the capture and the steps -----------------------------------------------

_speaking = threading.local()


def running() -> CurrentRun | None:
    """Return the run of this context, None outside of one."""
    return _running.get(None)


@fork_safety.in_child
def _forget_run_in_child() -> None:
    """Detach a child that was forked within a run: the run continues in the parent alone."""
    run = _running.get(None)
    if run is not None:
        run._ended = True
        _running.set(None)


def run_in(context: Context) -> CurrentRun | None:
    """Return the run of another context."""
    return context.get(_running)


def enter(run: CurrentRun) -> None:
    """Make `run` the current one of this context; the caller gives each attempt its own."""
    _running.set(run)


def request_cancel(run: CurrentRun) -> None:
    """Ask the run to end, and call what it registered for that."""
    run._cancel_requested = True
    stop = run._on_cancel
    if stop is not None:
        stop()


def on_cancel_requested(run: CurrentRun, stop: Callable[[], None] | None) -> None:
    """Call `stop` when the cancellation is requested, at once if it was already; None unregisters.

    `stop` must not wait.
    """
    run._on_cancel = stop
    if stop is not None and run._cancel_requested:
        stop()


def cancel_requested(run: CurrentRun) -> bool:
    """Return whether the run was asked to end."""
    return run._cancel_requested


def cancel_seen(run: CurrentRun) -> bool:
    """Return whether the task has seen that it was asked to end."""
    return run._cancel_seen


def has_ended(run: CurrentRun) -> bool:
    """Return whether the attempt has ended or was abandoned."""
    return run._ended


def check_in_progress(run: CurrentRun) -> None:
    """Raise NotRunningError if the attempt has ended or was abandoned."""
    if run._ended:
        raise NotRunningError(
            f"Run {run.id} has ended for rota (attempt {run.attempt}): nothing is stored.",
            remedy="Look at current_run().cancelled from time to time and return when it is true.",
        )


def steps_of(run: CurrentRun) -> Mapping[str, Any]:
    """Return the results of the finished steps, of this attempt and the earlier ones."""
    return run._steps


def step_locks_of(run: CurrentRun) -> KeyedLock:
    """Return the locks that keep a step from being done twice at once."""
    with _making_locks:
        if run._step_locks is None:
            run._step_locks = KeyedLock()
        return run._step_locks


def remember(run: CurrentRun, key: str, value: Any) -> None:
    """Store the result of a step durably; raises NotRunningError, LedgerError."""
    check_in_progress(run)
    run._call.reporter.remember(key, value)
    run._steps[key] = value


def record_log(run: CurrentRun, level: str, logger: str, text: str) -> None:
    """Pass one line to the reporter; never raises, and ignores what the reporter itself logs."""
    if run._ended or getattr(_speaking, "now", False):
        return
    _speaking.now = True
    try:
        # A lone surrogate, as from a badly decoded file name, could not be stored.
        text = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
        run._call.reporter.log(level, logger, text)
    except Exception:
        pass  # a line that gets lost must not harm the task
    finally:
        _speaking.now = False


def record_output(run: CurrentRun, level: str, text: str) -> None:
    """Record printed text; a line is passed on when it is complete, or when the run is closed."""
    if run._ended or getattr(_speaking, "now", False):
        return
    if run._printed is None:
        run._printed = {}
    for line in run._printed.setdefault(level, Lines()).feed(text):
        record_log(run, level, "", line)


def unfinished_line(run: CurrentRun, level: str) -> str:
    """Return the line that the run is in the middle of printing to the console."""
    return (run._unfinished or {}).get(level, "")


def keep_unfinished_line(run: CurrentRun, level: str, text: str) -> None:
    """Keep the line that the run is in the middle of printing to the console."""
    if run._unfinished is None:
        run._unfinished = {}
    run._unfinished[level] = text


def close(run: CurrentRun) -> None:
    """Record the last incomplete lines, and nothing after them: the attempt has ended."""
    if run._printed:
        for level, lines in run._printed.items():
            for line in lines.rest():
                record_log(run, level, "", line)
    run._ended = True
