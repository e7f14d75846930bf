"""How an attempt ended, as one value."""

from __future__ import annotations

import traceback as tb
from enum import StrEnum
from typing import Any, NamedTuple

from rota.core.secrets import redact_text

LONGEST_KIND = 200
"""The most characters of an exception's type, or of another kind of failure."""

MOST_FREE = 100
"""Attempts of a run that may ask for another one without counting as failed."""


class VerdictKind(StrEnum):
    """What a task may say of its run."""

    RETRY = "retry"
    SKIP = "skip"
    FAIL = "fail"


class TaskVerdict(NamedTuple):
    """What a task says of its run, and why."""

    kind: VerdictKind
    reason: str
    after: float | None = None  # seconds until the next attempt; None: as the task's options say
    is_free: bool = False  # this attempt does not count as failed


class OutcomeKind(StrEnum):
    """How an attempt ended, in one word."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class Outcome(NamedTuple):
    """How an attempt ended: its kind, and the result or the error that go with it."""

    kind: OutcomeKind
    result: Any = None
    error: str | None = None  # "ValueError: no such file"
    traceback: str | None = None
    error_types: tuple[str, ...] = ()  # names of the exception's classes, nearest first
    peak_memory: int | None = None  # bytes
    cause: int | None = None  # the number of its exception, for the log: see `handing.keep`
    is_final: bool = False  # nothing was run, and another attempt would run nothing either
    verdict: TaskVerdict | None = None  # what the task itself said


SUCCEEDED = Outcome(OutcomeKind.SUCCEEDED)


def unstartable(error: BaseException) -> Outcome:
    """Return the outcome of an attempt that could not be started."""
    why = f"it could not be started: {error_text(error)}"
    return failure(error)._replace(error=why, is_final=True)


def in_time(
    outcome: Outcome, timeout: float, *, ended: float, deadline: float, total: bool = False
) -> Outcome:
    """Return the outcome for an end at `ended`, both in monotonic seconds: after its deadline it is
    a timeout, whatever the attempt returned.

    An attempt that holds the interpreter's lock cannot be asked to stop. One that swallows its
    cancellation returns in spite of it. Neither has succeeded. What was cancelled, or crashed, did
    so for a reason of its own. `total`: see `timed_out`.
    """
    judged = (OutcomeKind.SUCCEEDED, OutcomeKind.FAILED)
    if ended <= deadline or outcome.kind not in judged:
        return outcome
    return timed_out(outcome, timeout, total=total)


def timed_out(outcome: Outcome, timeout: float, *, total: bool = False) -> Outcome:
    """Return the outcome of an attempt whose time was up; `total`: the time of all attempts of its
    run together.
    """
    error = f"timed out after {timeout:g} s"
    return outcome._replace(
        kind=OutcomeKind.TIMED_OUT,
        result=None,
        verdict=None,
        error=f"{error} over all attempts (total_timeout)" if total else error,
        error_types=("TimeoutError", "builtins.TimeoutError"),
    )


def failure(exc: BaseException) -> Outcome:
    """Return the failed outcome of an exception, with its traceback and the names to match."""
    return Outcome(
        OutcomeKind.FAILED,
        error=error_text(exc),
        traceback=redact_text("".join(tb.format_exception(exc))[-64_000:]),
        error_types=type_names(type(exc)),
    )


def error_text(exc: BaseException) -> str:
    """Return an exception as one line, `Type: message`, even if its own `str` fails."""
    message = _message(exc)
    return _one_line(f"{type(exc).__name__}: {message}" if message else type(exc).__name__)


def message_of(exc: BaseException) -> str:
    """Return an exception's message as one line, even if its own `str` fails."""
    return _one_line(_message(exc))


def _message(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:
        return "(its message cannot be shown)"


def _one_line(text: str) -> str:
    return redact_text(" ".join(text[:20_000].split())[:2_000])


def error_type(outcome: Outcome) -> str | None:
    """Return the type of the exception that ended an attempt, as in `KeyError` or
    `package.module.Error`; None if none did.
    """
    if outcome.kind is OutcomeKind.CANCELLED:  # by itself, else the run would not have failed
        return "asyncio.exceptions.CancelledError"
    if outcome.kind is not OutcomeKind.FAILED or len(outcome.error_types) < 2:
        return None
    return _short(outcome.error_types[1])


def type_name(cls: type[BaseException]) -> str:
    """Return the qualified name of an exception's class; without `builtins.`."""
    return _short(type_names(cls)[1])


def _short(name: str) -> str:
    return name.removeprefix("builtins.")[:LONGEST_KIND]


def type_names(cls: type[BaseException]) -> tuple[str, ...]:
    """Return both forms of the name, `ValueError` and `builtins.ValueError`, of all classes."""
    return tuple(
        name
        for base in cls.__mro__[:-1]
        for name in (base.__name__, f"{base.__module__}.{base.__qualname__}")
    )
