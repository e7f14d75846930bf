"""What a task raises to decide about its own run: `rota.Retry`, `rota.Skip`, `rota.Fail`."""

from __future__ import annotations

from rota.core.outcome import TaskVerdict, VerdictKind, error_text, message_of

LONGEST_WAIT = 1_000_000_000
"""Seconds, thirty years, that a retry may wait."""


class _RaisedVerdict(Exception):
    """What the three have in common: a reason in words."""

    _otherwise = ""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.reason) or self._caught() or self._otherwise

    def _caught(self) -> str:
        """Return the error in whose handling it was raised, as a line."""
        caught = self.__cause__ or self.__context__
        return "" if caught is None else error_text(caught)


class Retry(_RaisedVerdict):
    """Raise it to have the run attempted again, whatever `retry_on` and `no_retry_on` say.

    `after` is the number of seconds until then (default: the task's back-off). Without a `reason`,
    the error that is being handled is the reason. The attempt counts as failed, and the run fails
    if no retry is left (`max_retries`). With `free=True` the attempt does not count; a run has at
    most 100 of these, and the next ones count. Raises TypeError for an `after` that is no number,
    ValueError for one below 0 or above 1,000,000,000.
    """

    _otherwise = "the task asked for another attempt"

    def __init__(self, after: float | None = None, reason: str = "", *, free: bool = False) -> None:
        super().__init__(reason)
        if after is not None:
            if isinstance(after, bool) or not isinstance(after, int | float):
                raise TypeError(f"Retry(after={after!r}): write a number of seconds.")
            if not 0 <= after <= LONGEST_WAIT:
                raise ValueError(f"Retry(after={after!r}): write 0 to {LONGEST_WAIT:,} seconds.")
        self.after = after
        self.free = bool(free)


class Skip(_RaisedVerdict):
    """Raise it if there is nothing to do: the attempt succeeds, and the run is `skipped` with this
    reason and the reason code `task`.
    """

    _otherwise = "the task had nothing to do"


class Fail(_RaisedVerdict):
    """Raise it if another attempt would not help: the run fails with this reason and the reason
    code `task_failed`, and is not retried.
    """

    _otherwise = "the task gave up"


def verdict_of(exc: BaseException) -> TaskVerdict | None:
    """Return the verdict that an exception is, alone or alone in groups; None for an error."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    match exc:
        case Retry():
            return TaskVerdict(VerdictKind.RETRY, message_of(exc), exc.after, exc.free)
        case Skip():
            return TaskVerdict(VerdictKind.SKIP, message_of(exc))
        case Fail():
            return TaskVerdict(VerdictKind.FAIL, message_of(exc))
    return None
