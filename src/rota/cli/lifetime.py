"""Stopping a node: from the first signal to the exit code."""

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
"""Seconds after the grace period after which the process exits, whatever blocks it."""

_STOPPED = 0  # no signal has this number


def ending() -> list[signal.Signals]:
    """Return the signals that stop a node; SIGHUP only if it is not ignored, as under `nohup`."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if ignored else [signal.SIGHUP])]


class Signals:
    """The caught stop signals, in the order of arrival; the first one interrupts a start."""

    def __init__(self) -> None:
        self.caught: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.starting = True
        self.former: dict[int, Any] = {}  # their handlers before
        self._pid = os.getpid()

    def take_back(self) -> list[str]:
        """Reinstall our handlers that other code has replaced; returns the names of the signals."""
        lost = [one for one in self.former if signal.getsignal(one) != self.note]
        for number in lost:
            signal.signal(number, self.note)
        return [signal.Signals(one).name for one in lost]

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Defer signals until the end of the block: an interrupted import may fail in any way."""
        self.starting = False
        yield
        self.starting = True
        if not self.caught.empty():
            self.starting = False
            raise KeyboardInterrupt

    def note(self, number: int, _: FrameType | None) -> None:
        """Record a signal; raises KeyboardInterrupt for the first one during a start."""
        if (
            os.getpid() != self._pid
        ):  # a child that a task forked: no thread in it waits for signals
            signal.signal(number, self.former[number])
            signal.raise_signal(number)
            return
        self.caught.put(number)  # reentrant; a signal handler should do no more
        starting, self.starting = self.starting, False
        if starting:
            raise KeyboardInterrupt


@contextmanager
def signals() -> Iterator[Signals]:
    """Catch stop signals during the block; after a normal end, further signals are ignored."""
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
    """Wait for a signal, then stop the manager; a second signal stops it immediately.

    `look` is called `every` so many seconds while waiting. Returns whether all running attempts
    ended by themselves. After the first signal, the process ends within the grace plus 2 seconds.
    """
    return _Stopping(manager, signals).wait(look, every)


def end_within(seconds: float, code: Callable[[], int]) -> None:
    """Exit this process after `seconds`, if it still runs, with the exit code at that time.

    A thread that a task started may never end, and Python would wait for it.
    """
    timer = threading.Timer(seconds, lambda: _leave(code()))
    timer.daemon = True
    timer.start()


def end(code: int) -> NoReturn:
    """Exit this process; if its tasks left processes behind, kill them and exit at once."""
    if _end_children():
        _leave(code)  # a thread that waits for such a child must not continue
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
    """Redirect output to a closed terminal to nowhere: writing to it fails, in tasks as well."""
    for number in (1, 2):
        try:
            termios.tcgetattr(number)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class _Stopping:
    """The handling of signals one by one, while the manager stops in another thread."""

    def __init__(self, manager: TaskManager, signals: Signals) -> None:
        self._manager = manager
        self._caught = signals.caught
        self._answers: list[bool] = []

    @property
    def clean(self) -> bool:
        """Whether all running attempts ended by themselves."""
        return bool(self._answers) and all(self._answers)  # none: stopping itself failed

    def wait(self, look: Callable[[], None] | None, every: float) -> bool:
        """Wait until the manager has stopped; returns whether all attempts ended by themselves."""
        asked = 0
        while (number := self._next(look, every)) != _STOPPED:
            if number == signal.SIGHUP:
                _leave_terminal()
                if asked:
                    continue  # the shell and the kernel both signal one closed terminal
            asked += 1
            if asked == 1:
                grace = self._manager.config.manager.shutdown_grace
                end_within(grace + MARGIN, self._code)
                output.note(
                    _words(number, f"running tasks get {grace:g} s; a second signal stops them now")
                )
            elif asked == 2:
                end_within(MARGIN, self._code)
                output.note(_words(number, "stopping now"))
            if asked <= 2:
                # In another thread, so that a second signal is handled while the first is.
                threading.Thread(target=self._stop, name="rota-stop", daemon=True).start()
        return self.clean

    def _next(self, look: Callable[[], None] | None, every: float) -> int:
        while True:
            try:
                # Never without a timeout: a signal that another thread receives does not wake this.
                return self._caught.get(timeout=every)
            except queue.Empty:
                if look is not None:
                    with suppress(OSError):  # the terminal has closed; a signal follows
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
