"""Turning the result of a call into a storable outcome: bounded JSON, or an error as text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

from rota.core.outcome import Outcome, OutcomeKind, VerdictKind, failure
from rota.definitions.arguments import jsonable
from rota.errors import ResultError
from rota.task_api.verdicts import verdict_of


def succeeded(value: Any, peak_memory: int | None = None, func: Any = None) -> Outcome:
    """Return the outcome of a call of `func` that returned `value`.

    It is failed if `value` is a generator, of which no code ran, or if it has no JSON form.
    """
    if value is not None:
        if isinstance(value, Generator | AsyncGenerator):
            return failed(_nothing_ran(value), peak_memory)
        try:
            value = jsonable(value, func)
        except ResultError as error:
            return failed(error, peak_memory)
    return Outcome(OutcomeKind.SUCCEEDED, value, None, None, (), peak_memory)


def raised(exc: BaseException, peak_memory: int | None = None) -> Outcome:
    """Return the outcome of a call that raised: what the task decided by that, or its failure."""
    verdict = verdict_of(exc)
    if verdict is None:
        return failed(exc, peak_memory)
    verdict = verdict._replace(reason=_storable(verdict.reason))
    if verdict.kind is VerdictKind.SKIP:
        return Outcome(OutcomeKind.SUCCEEDED, peak_memory=peak_memory, verdict=verdict)
    return failed(exc, peak_memory)._replace(verdict=verdict)


def failed(
    exc: BaseException,
    peak_memory: int | None = None,
    kind: OutcomeKind = OutcomeKind.FAILED,
) -> Outcome:
    """Return the outcome of a call that raised, even if formatting its exception raises."""
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


def _storable(text: str) -> str:
    """Return `text` without lone surrogates, which no database accepts."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _nothing_ran(value: Any) -> ResultError:
    return ResultError(
        f"the function returned a generator ({type(value).__name__}), and none of its code ran. So"
        " the run failed, and is not retried.",
        remedy="A task has no `yield`: return a list, or iterate inside the task.",
    )
