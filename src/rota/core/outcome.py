"""How an attempt ended, as one value."""

from __future__ import annotations

import traceback as tb
from enum import StrEnum
from typing import Any, NamedTuple

from rota.core.secrets import said

LONGEST_KIND = 200


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


SUCCEEDED = Outcome(OutcomeKind.SUCCEEDED)


def failure(exc: BaseException) -> Outcome:
    """Return the failed outcome of an exception, with its traceback and the names to match."""
    return Outcome(
        OutcomeKind.FAILED,
        error=error_text(exc),
        traceback=said("".join(tb.format_exception(exc))[-64_000:]),
        error_types=type_names(type(exc)),
    )


def error_text(exc: BaseException) -> str:
    """Write an exception as one line, `Type: message`, even where its own `str` fails."""
    try:
        message = str(exc)
    except Exception:
        message = "(its message cannot be shown)"
    text = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    return said(" ".join(text[:20_000].split())[:2_000])


def kind_of(error: str) -> str:
    """Return what kind of error a line names: the type of an exception, else the line itself."""
    kind, colon, _ = error.partition(": ")
    return (kind if kind and colon else error)[:LONGEST_KIND]


def type_names(cls: type[BaseException]) -> tuple[str, ...]:
    """Return both forms of the name, `ValueError` and `builtins.ValueError`, of all classes."""
    return tuple(
        name
        for base in cls.__mro__[:-1]
        for name in (base.__name__, f"{base.__module__}.{base.__qualname__}")
    )
