"""The life of a `rota up`: from the first signal to the exit code."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rota.cli import output
from rota.manager import TaskManager

_STOPPED = 0  # no signal has this number


Caught = queue.SimpleQueue[int]


@contextmanager
def signals() -> Iterator[Caught]:
    """Catch SIGTERM and SIGINT from now on, in the order of their coming."""
    caught: Caught = queue.SimpleQueue()
    me = os.getpid()

    def note(number: int, _: FrameType | None) -> None:
        if os.getpid() != me:  # a child that a task has forked: nobody there would take it
            signal.signal(number, former[signal.Signals(number)])
            signal.raise_signal(number)
        else:
            caught.put(number)  # reentrant, and all that a signal handler should do

    former = {one: signal.signal(one, note) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield caught
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def wait_and_stop(
    manager: TaskManager, caught: Caught, look: Callable[[], None] | None, every: float
) -> bool:
    """Wait for a signal, then stop; a second one means now. `look` is called `every` so many
    seconds meanwhile. Returns True when every running attempt ended by itself."""
    return _Stopping(manager, caught).when_told(look, every)


class _Stopping:
    """Takes signals one by one while the manager stops in a thread beside them."""

    def __init__(self, manager: TaskManager, caught: Caught) -> None:
        self._manager = manager
        self._caught = caught
        self._answers: list[bool] = []

    def when_told(self, look: Callable[[], None] | None, every: float) -> bool:
        """Return when it has stopped, and whether all ended by themselves."""
        told = 0
        while (number := self._next(look, every)) != _STOPPED:
            told += 1
            if told == 1:
                grace = self._manager.config.manager.shutdown_grace
                output.note(_words(number, f"running tasks get {grace:g} s; once more: now"))
            elif told == 2:
                output.note(_words(number, "stopping now"))
            if told <= 2:
                # Beside this thread, so that the second signal is taken while the first one works.
                threading.Thread(target=self._stop, name="rota-stop", daemon=True).start()
        return bool(self._answers) and all(self._answers)  # none: the stopping itself failed

    def _next(self, look: Callable[[], None] | None, every: float) -> int:
        while True:
            try:
                return self._caught.get(timeout=None if look is None else every)
            except queue.Empty:
                if look is not None:
                    look()

    def _stop(self) -> None:
        try:
            self._answers.append(self._manager.shutdown())
        finally:
            self._caught.put(_STOPPED)


def _words(number: int, what: str) -> str:
    return f"{signal.Signals(number).name}: {what}."
