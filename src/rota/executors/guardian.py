"""The guardian: the parent of a worker process, which lets nothing outlive it.

Every worker is forked by a guardian of its own, a process that does nothing but wait. It ends
the worker, and everything the worker ever started, when rota asks for it, when rota dies, and
when the worker dies. On Linux it is a "subreaper": descendants that daemonise, in sessions of
their own, become its children and cannot escape. No interpreter lock of the worker can hold it.
When the guardian has exited, nothing is left.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def fork_guarded(channel: int) -> None:
    """Fork: the child returns, to be the worker; this process becomes its guardian for good.

    Standard input is the lifeline: its end means "end everything". On the descriptor `channel`
    the guardian writes `["died", wait status]` at last.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    lifeline = os.dup(0)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(awake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it writes into `wake`
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    guardian = os.getpid()
    worker = os.fork()
    if worker:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _guard(worker, lifeline, awake, channel)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in (lifeline, awake, wake):
        os.close(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:  # it died before we asked to die with it
        os._exit(1)


def _guard(worker: int, lifeline: int, awake: int, channel: int) -> None:
    status = None
    try:
        status = _wait(worker, lifeline, awake)
    finally:
        try:
            status = _end_everything(worker, status)
            os.write(channel, f"\n{json.dumps(['died', status])}\n".encode())
        finally:
            os._exit(0)


def _wait(worker: int, lifeline: int, awake: int) -> int | None:
    """Wait for the end of the lifeline (None) or of the worker (its wait status)."""
    while True:
        ready, _, _ = select.select([lifeline, awake], [], [])
        if lifeline in ready:
            return None
        with suppress(BlockingIOError):
            os.read(awake, 4096)
        while (reaped := _reap(os.WNOHANG)) is not None and reaped[0]:
            if reaped[0] == worker:
                return reaped[1]


def _end_everything(worker: int, status: int | None) -> int | None:
    """Kill until no descendant is left; returns the worker's wait status."""
    import psutil  # only now: the guardian stays small

    me = psutil.Process()
    while True:
        for process in me.children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
        reaped = _reap(0)
        if reaped is None:
            return status
        if reaped[0] == worker:
            status = reaped[1]


def _reap(options: int) -> tuple[int, int] | None:
    try:
        return os.waitpid(-1, options)
    except ChildProcessError:
        return None


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(option, value, 0, 0, 0)
