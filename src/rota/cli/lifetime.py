"""The life of a `rota up`: from the first signal to the exit code."""

from __future__ import annotations

import errno
import os
import queue
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import typer

from rota.cli import output
from rota.manager import TaskManager

MARGIN = 1.95
"""Seconds beside the grace after which the process ends, whatever holds it."""

_STOPPED = 0  # no signal has this number


def ending() -> list[signal.Signals]:
    """Return the signals that tell to stop; that a terminal closes is none where it is ignored, as
    `nohup` has it."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if ignored else [signal.SIGHUP])]


class Signals:
    """What tells to stop, in the order of its coming; the first one interrupts a start."""

    def __init__(self) -> None:
        self.caught: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.starting = True
        self.former: dict[int, Any] = {}  # what was done about them before
        self._pid = os.getpid()

    def take_back(self) -> list[str]:
        """Catch again what somebody else has caught since; returns the names of these signals."""
        lost = [one for one in self.former if signal.getsignal(one) != self.note]
        for number in lost:
            signal.signal(number, self.note)
        return [signal.Signals(one).name for one in lost]

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Have a signal wait until what is within is done: an import that is cut off may fail in
        any way."""
        self.starting = False
        yield
        self.starting = True
        if not self.caught.empty():
            self.starting = False
            raise KeyboardInterrupt

    def note(self, number: int, _: FrameType | None) -> None:
        """Take a signal; raises KeyboardInterrupt for the first one while it starts."""
        if os.getpid() != self._pid:  # a child that a task has forked: nobody there would take it
            signal.signal(number, self.former[number])
            signal.raise_signal(number)
            return
        self.caught.put(number)  # reentrant, and all that a signal handler should do
        starting, self.starting = self.starting, False
        if starting:
            raise KeyboardInterrupt


@contextmanager
def signals() -> Iterator[Signals]:
    """Catch what tells to stop from now on; once it has stopped, further ones change nothing."""
    caught = Signals()
    for one in ending():
        caught.former[one] = signal.signal(one, caught.note)
    try:
        yield caught
    except BaseException:
        for number, handler in caught.former.items():
            signal.signal(number, handler)
        raise
    for number in caught.former:
        signal.signal(number, signal.SIG_IGN)


def wait_and_stop(
    manager: TaskManager, signals: Signals, look: Callable[[], None] | None, every: float
) -> bool:
    """Wait for a signal, then stop; a second one means now. `look` is called `every` so many
    seconds meanwhile. Returns True when every running attempt ended by itself.

    From the first signal on, the process ends within the grace and 2 seconds.
    """
    return _Stopping(manager, signals).when_told(look, every)


def end_within(seconds: float, code: Callable[[], int]) -> None:
    """End this process after `seconds`, if it is there still, with the code that is right then.

    A thread that a task started may never end, and Python waits for it.
    """
    timer = threading.Timer(seconds, lambda: _leave(code()))
    timer.daemon = True
    timer.start()


def end(code: int) -> NoReturn:
    """End this process, and at once if processes are left that its tasks had started."""
    if _end_children():
        _leave(code)  # what started a child may wait for it, and is not to go on without it
    raise typer.Exit(code)


def _end_children() -> bool:
    import psutil

    left = psutil.Process().children(recursive=True)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return bool(left)


def _leave(code: int) -> NoReturn:
    _end_children()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, broken or none
            stream.flush()
    os._exit(code)


def _leave_terminal() -> None:
    """Have what goes to a terminal that has closed go to nobody: writing there fails, in tasks
    as well."""
    for number in (1, 2):
        try:
            termios.tcgetattr(number)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class _Stopping:
    """Takes signals one by one while the manager stops in a thread beside them."""

    def __init__(self, manager: TaskManager, signals: Signals) -> None:
        self._manager = manager
        self._caught = signals.caught
        self._answers: list[bool] = []

    @property
    def clean(self) -> bool:
        """Say whether every running attempt ended by itself."""
        return bool(self._answers) and all(self._answers)  # none: the stopping itself failed

    def when_told(self, look: Callable[[], None] | None, every: float) -> bool:
        """Return when it has stopped, and whether all ended by themselves."""
        told = 0
        while (number := self._next(look, every)) != _STOPPED:
            if number == signal.SIGHUP:
                _leave_terminal()
                if told:
                    continue  # a shell and the kernel both tell of one terminal
            told += 1
            if told == 1:
                grace = self._manager.config.manager.shutdown_grace
                end_within(grace + MARGIN, self._code)
                output.note(_words(number, f"running tasks get {grace:g} s; once more: now"))
            elif told == 2:
                end_within(MARGIN, self._code)
                output.note(_words(number, "stopping now"))
            if told <= 2:
                # Beside this thread, so that the second signal is taken while the first one works.
                threading.Thread(target=self._stop, name="rota-stop", daemon=True).start()
        return self.clean

    def _next(self, look: Callable[[], None] | None, every: float) -> int:
        while True:
            try:
                # Never without a limit: a signal that another thread receives wakes nobody here.
                return self._caught.get(timeout=every)
            except queue.Empty:
                if look is not None:
                    with suppress(OSError):  # the terminal has closed, of which a signal tells
                        look()

    def _stop(self) -> None:
        try:
            self._answers.append(self._manager.shutdown())
        finally:
            self._caught.put(_STOPPED)

    def _code(self) -> int:
        return 0 if self.clean else 1


def _words(number: int, what: str) -> str:
    return f"{signal.Signals(number).name}: {what}."
