"""What came out of a call, made fit to be kept: JSON of a bounded size, or words."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any

from rota.core.nesting import is_too_deep
from rota.core.outcome import Outcome, OutcomeKind, failure

MOST_BYTES = 64 * 1024
_MOST_SHOWN = 2_000  # characters of a representation


def succeeded(value: Any, peak_memory: int | None = None) -> Outcome:
    """Return the outcome of a call that returned `value`; a generator ran nothing, so it failed."""
    if value is not None:
        if isinstance(value, Generator | AsyncGenerator):
            return _nothing_ran(value, peak_memory)
        value = jsonable(value)
    return Outcome(OutcomeKind.SUCCEEDED, value, peak_memory=peak_memory)


def failed(
    exc: BaseException,
    peak_memory: int | None = None,
    kind: OutcomeKind = OutcomeKind.FAILED,
) -> Outcome:
    """Return the outcome of a call that raised, whatever its exception does when it is shown."""
    try:
        plain = failure(exc)
        return Outcome(
            kind,
            error=_storable(plain.error or ""),
            traceback=_storable(plain.traceback or ""),
            error_types=plain.error_types,
            peak_memory=peak_memory,
        )
    except BaseException:
        name = type(exc).__name__
        return Outcome(
            kind,
            error=f"{name}: (it cannot be shown)",
            error_types=(name,),
            peak_memory=peak_memory,
        )


def jsonable(value: Any) -> Any:
    """Return `value` as JSON gives it back, or its representation, shortened, where JSON cannot
    hold it, it takes more than 64 KiB, or is nested more than 100 levels deep."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if len(text) <= MOST_BYTES and len(text.encode()) <= MOST_BYTES:
            kept = json.loads(text)
            return shown(value) if is_too_deep(kept) else kept
    except BaseException:  # anything may happen in somebody's own classes
        return shown(value)
    return shown(value)


def shown(value: Any) -> str:
    """Return a representation of at most 2,000 characters."""
    try:
        text = _storable(repr(value))
    except BaseException:
        return f"<{type(value).__name__} that cannot be shown>"
    if len(text) <= _MOST_SHOWN:
        return text
    return f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"


def _storable(text: str) -> str:
    """Return `text` without lone surrogates, which no database takes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _nothing_ran(value: Any, peak_memory: int | None) -> Outcome:
    return Outcome(
        OutcomeKind.FAILED,
        error=f"TypeError: the task returned a {type(value).__name__}, of which nothing ran."
        " A task has no `yield`: return a list, or iterate inside the task.",
        error_types=("TypeError", "builtins.TypeError"),
        peak_memory=peak_memory,
    )
