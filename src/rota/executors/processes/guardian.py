"""The guardian: the parent of a worker process, which kills all descendants of the worker.

Every worker is forked by its own guardian, a process that only waits. It kills the worker, and
everything that the worker ever started, when rota asks for it, when rota dies, and when the worker
dies. Run as a program, it does the same for a command in place of the worker. On Linux it is a
"subreaper": descendants that daemonise, in sessions of their own, become its children and cannot
escape. The worker's interpreter lock cannot block it.

When the guardian has exited, no descendant is left.
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
    """Fork: the child returns as the worker; this process becomes its guardian until it exits.

    Standard input is the lifeline. Its end means "kill everything". A byte on it means "ask the
    worker to end": SIGTERM is sent to its process group. Before it exits, the guardian writes
    `["died", wait status]` to the descriptor `channel`.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    lifeline = os.dup(0)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(awake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that the signal writes to `wake`
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
    if os.getppid() != guardian:  # it died before we asked the kernel to kill us with it
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
    """Wait for the end of the lifeline (returns None) or of the worker (its wait status)."""
    while True:
        ready, _, _ = select.select([lifeline, awake], [], [])
        if lifeline in ready:
            if not os.read(lifeline, 1):
                return None
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(worker, signal.SIGTERM)
        with suppress(BlockingIOError):
            os.read(awake, 4096)
        while (reaped := _reap(os.WNOHANG)) is not None and reaped[0]:
            if reaped[0] == worker:
                return reaped[1]


def _end_everything(worker: int, status: int | None) -> int | None:
    """Kill descendants until none is left; returns the worker's wait status."""
    while True:
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reaped = _reap(0)
        if reaped is None:
            return status
        if reaped[0] == worker:
            status = reaped[1]


def _descendants() -> list[int]:
    """Return the descendants of this process; only this process or their own parent reaps them."""
    if sys.platform != "linux":
        import psutil  # only here: the guardian stays small

        return [process.pid for process in psutil.Process().children(recursive=True)]
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - it stays small
        with suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    level = children.get(os.getpid(), [])
    while level:
        found += level
        level = [pid for parent in level for pid in children.get(parent, ())]
    return found


def _reap(options: int) -> tuple[int, int] | None:
    try:
        return os.waitpid(-1, options)
    except ChildProcessError:
        return None


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(option, value, 0, 0, 0)


def _run_a_command(channel: int, argv: list[str]) -> None:
    """Fork a guardian for a command and become the command."""
    fork_guarded(channel)
    os.set_inheritable(channel, False)
    for number in (
        signal.SIGPIPE,
        signal.SIGXFSZ,
    ):  # Python ignores them; commands expect the default
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(channel, f"\n{json.dumps(['unable', error.errno])}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    _run_a_command(int(sys.argv[1]), sys.argv[2:])
