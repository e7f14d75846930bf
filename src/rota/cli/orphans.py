"""What the first process of a container owes the others: to reap those that lose their parent."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

FIRST = 1
"""The process that the kernel gives every orphan to."""

_KERNEL = 0x80
"""The origin of a signal that a terminal made: the whole foreground group has it already."""


def step_aside() -> None:
    """Where this process is the first one, go on in a child of it, while it passes signals on and
    reaps orphans until that child ends, and ends with its code.

    In one process that would be guesswork: to reap what is not ours, one has to know the children
    of every library, and takes an exit code from who waits for it. Call it before any thread.
    """
    if os.getpid() != FIRST or sys.platform != "linux":
        return
    caught = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP}
    caught -= {signal.SIGTTIN, signal.SIGTTOU, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE}
    caught -= {signal.SIGILL, signal.SIGABRT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, caught)
    child = os.fork()
    if child:
        _watch(child, caught)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(child: int, caught: set[signal.Signals]) -> NoReturn:
    """Pass signals on and reap until `child` has ended, and end as it did."""
    _let_go_of_streams()
    while True:
        told = signal.sigwaitinfo(caught)
        if told.si_signo == signal.SIGCHLD:
            status = _reap(child)
            if status is not None:
                os._exit(status if status >= 0 else 128 - status)
        elif told.si_code != _KERNEL:
            with suppress(ProcessLookupError):
                os.kill(child, told.si_signo)


def _reap(child: int) -> int | None:
    """Reap whatever has ended; returns the exit code of `child` once that was among it."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == child:
                found = os.waitstatus_to_exitcode(status)
    return found


def _let_go_of_streams() -> None:
    """Leave input to the child: who closes it, or reads it, means that one."""
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
