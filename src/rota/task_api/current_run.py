"""The run that this code is part of: what `rota.current_run()` returns, and how it is set."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar
from datetime import datetime
from typing import Any

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


def current_run() -> CurrentRun:
    """Return the run that this code is part of; raises NotRunningError outside of one."""
    run = _running.get(None)
    if run is None:
        raise NotRunningError(
            "No run is going on here.",
            remedy="Call rota.current_run() inside a task that rota started. A thread of your own"
            " knows its run if you start it with contextvars.copy_context().run.",
        )
    return run


class CurrentRun:
    """What a task can know of its run, and say about it; callable from any thread of the run."""

    __slots__ = (
        "_call", "_checkpoint", "_ended", "_noticed", "_printed", "_steps", "_stop", "_told",
        "_turns",
    )  # fmt: skip

    def __init__(self, call: AttemptSpec) -> None:
        self._call = call
        self._checkpoint = call.checkpoint
        self._steps = dict(call.steps)
        self._turns = KeyedLock()
        self._told = False
        self._stop: Callable[[], None] | None = None
        self._noticed = False
        self._ended = False
        self._printed: dict[str, Lines] | None = None

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
        """The time this run stands for, aware and in UTC; None for a manual start."""
        instant = self._call.fire_time
        return None if instant is None else to_datetime(instant)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was told to end; a task in a thread asks this now and then."""
        if self._told:
            self._noticed = True
        return self._told

    @property
    def logger(self) -> logging.Logger:
        """The standard logger `rota.task.<id>`, which belongs to the run like any other."""
        from rota.logs import get_logger

        return get_logger(f"rota.task.{self.task_id}")

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the work is, in any unit; raises TypeError where these are no numbers."""
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
        TypeError where JSON cannot hold it, ValueError where it takes more than 1 MiB,
        NotRunningError after the attempt was given up.
        """
        if value is _UNSET:
            return self._checkpoint
        stored = storable(value, "checkpoint(…)")
        must_go_on(self)
        self._call.reporter.checkpoint(stored)
        self._checkpoint = stored
        return stored


def storable(value: Any, what: str) -> Any:
    """Return `value` as the ledger will give it back; `what` begins the errors.

    Raises TypeError where JSON cannot hold it, ValueError where it takes more than 1 MiB or is
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
            " Store where the data lies: a path, a key."
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
def _leave_it_to_the_parent() -> None:
    """A child that was forked within a run is no part of it: the run goes on in the parent."""
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


def tell(run: CurrentRun) -> None:
    """Tell the run to end."""
    run._told = True
    stop = run._stop
    if stop is not None:
        stop()


def when_told(run: CurrentRun, stop: Callable[[], None] | None) -> None:
    """Have `stop` called once the run is told to end, at once where it was; it must not wait. None
    takes that back."""
    run._stop = stop
    if stop is not None and run._told:
        stop()


def told(run: CurrentRun) -> bool:
    """Say whether it was told to end."""
    return run._told


def noticed(run: CurrentRun) -> bool:
    """Say whether the task has seen that it was told to end."""
    return run._noticed


def has_ended(run: CurrentRun) -> bool:
    """Say whether its attempt has ended or was given up."""
    return run._ended


def must_go_on(run: CurrentRun) -> None:
    """Raise NotRunningError where its attempt has ended or was given up."""
    if run._ended:
        raise NotRunningError(
            f"Run {run.id} has ended for rota (attempt {run.attempt}): nothing is stored.",
            remedy="Look at current_run().cancelled from time to time and return when it is true.",
        )


def steps_of(run: CurrentRun) -> Mapping[str, Any]:
    """Return what its steps have returned that are done, in this attempt or an earlier one."""
    return run._steps


def turns_of(run: CurrentRun) -> KeyedLock:
    """Return who does which of its steps now."""
    return run._turns


def remember(run: CurrentRun, key: str, value: Any) -> None:
    """Store what a step returned durably; raises NotRunningError, LedgerError."""
    must_go_on(run)
    run._call.reporter.remember(key, value)
    run._steps[key] = value


def say(run: CurrentRun, level: str, logger: str, text: str) -> None:
    """Pass one line on to the reporter; never raises, and what the reporter logs is not its."""
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


def printed(run: CurrentRun, level: str, text: str) -> None:
    """Take what was printed; a line is passed on when it is complete, or at the end."""
    if run._ended or getattr(_speaking, "now", False):
        return
    if run._printed is None:
        run._printed = {}
    for line in run._printed.setdefault(level, Lines()).feed(text):
        say(run, level, "", line)


def leave(run: CurrentRun) -> None:
    """End the run's attempt: the last incomplete lines are passed on, and nothing more after."""
    for level, lines in (run._printed or {}).items():
        for line in lines.rest():
            say(run, level, "", line)
    run._ended = True
