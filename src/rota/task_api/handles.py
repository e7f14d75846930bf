"""The handle of a run that was enqueued: its id, its state, and its end to wait for."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from rota.core.run import Run, State
from rota.errors import RunFailedError

R = TypeVar("R")


class RunWatch(Protocol):
    """What knows the states of runs, and is notified of their ends."""

    def run(self, run_id: str) -> Run:
        """Return a run as it is now; raises UnknownRunError, LedgerError."""

    def end_of(self, run_id: str) -> Future[Run]:
        """Return the run to come, once it has ended."""

    def give_up(self, run_id: str, end: Future[Run]) -> None:
        """Wait for that end no more."""

    def result_of(self, run: Run) -> Any:
        """Return what the function of a run returned, made of JSON by its return annotation."""


class RunHandle(Generic[R]):
    """A run that was enqueued; `await handle` is its result.

    `is_new` is False if the call found an earlier run with its key and made none.
    """

    __slots__ = ("_watch", "id", "is_new", "task_id")

    def __init__(self, id: str, task_id: str, watch: RunWatch, *, is_new: bool = True) -> None:
        self.id = id
        self.task_id = task_id
        self.is_new = is_new
        self._watch = watch

    def __repr__(self) -> str:
        return f"<RunHandle {self.id} of {self.task_id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunHandle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def state(self) -> State:
        """Return the state of the run as the ledger has it now; raises UnknownRunError while the
        transaction that enqueues it is not committed, or once its history is pruned."""
        return self._watch.run(self.id).state

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most `timeout` seconds; return whether it has."""
        return self._end(timeout) is not None

    def result(self, timeout: float | None = None) -> R:
        """Wait until the run has ended, and return what its function returned.

        Raises RunFailedError if it ended otherwise than well, and TimeoutError after `timeout`
        seconds.
        """
        run = self._end(timeout)
        if run is None:
            raise TimeoutError(f"run {self.id} of {self.task_id!r} has not ended after {timeout} s")
        return self._result(run)

    def __await__(self) -> Generator[Any, None, R]:
        return self._wait_for_result().__await__()

    async def _wait_for_result(self) -> R:
        import asyncio  # not above: asyncio imports `socket`, which a task file may shadow

        end = self._watch.end_of(self.id)
        try:
            run = await asyncio.wrap_future(end)
        finally:
            self._watch.give_up(self.id, end)
        return self._result(run)

    def _end(self, timeout: float | None) -> Run | None:
        end = self._watch.end_of(self.id)
        try:
            return end.result(timeout)
        except TimeoutError:
            if end.done():  # it came at the last moment
                return end.result()
            return None
        finally:
            self._watch.give_up(self.id, end)

    def _result(self, run: Run) -> R:
        if run.state is not State.SUCCEEDED:
            raise RunFailedError(
                f"run {run.id} of {run.task_id!r} {_ended(run.state)}"
                + (f": {run.reason}" if run.reason else "."),
                state=run.state,
                remedy=f"`rota logs {run.id}` shows what it logged.",
            )
        result: R = self._watch.result_of(run)
        return result


def _ended(state: State) -> str:
    return "failed" if state is State.FAILED else f"is {state}"
