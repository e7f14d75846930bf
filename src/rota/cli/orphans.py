"""Reaping orphans in a container: its first process becomes their parent and must reap them."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

FIRST = 1
"""The id of the process that the kernel makes the parent of every orphan."""

_KERNEL = 0x80
"""The origin of a signal from a terminal, which the whole foreground group has received."""


def step_aside() -> None:
    """Continue in a child, if this process is the first one of its container.

    The first process passes signals on and reaps orphans until the child ends, and exits with its
    code. A single process could not do both: to reap only orphans, it would have to know the
    children of every library, and could take an exit code from a library that waits for it. Call
    this before any thread starts.
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
    """Pass signals on and reap orphans until `child` has ended, then exit with its code."""
    _let_go_of_streams()
    while True:
        received = signal.sigwaitinfo(caught)
        if received.si_signo == signal.SIGCHLD:
            status = _reap(child)
            if status is not None:
                os._exit(status if status >= 0 else 128 - status)
        elif received.si_code != _KERNEL:
            with suppress(ProcessLookupError):
                os.kill(child, received.si_signo)


def _reap(child: int) -> int | None:
    """Reap all ended processes; returns the exit code of `child` if it is among them."""
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
    """Leave standard input to the child: only the child should read it or see it close."""
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
