"""A worker process as seen by its node: its start, its messages, its end."""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from rota.executors.processes.channel import Channel
from rota.runtime import fork_safety

_OURS = ("XCORE_", "ROTA_")
_MOST_CALLS = 1000
_CHUNK = 64 * 1024
_GRACE = 0.5  # seconds for an idle worker to exit by itself, with its atexit functions
_LOOK = 1.0  # seconds between two checks whether a kill has succeeded
_CERTAIN = 2.0  # seconds for its guardian to kill everything


_BOOT = (
    "import sys; sys.path += [one for one in sys.argv[2:] if one not in sys.path];"
    " del sys.argv[2:]; from rota.executors.processes.worker_main import main; main()"
)
"""The worker finds its own imports among Python's modules first, so that no module of the project
can shadow them; then it takes over the path of its parent."""

_children: WeakSet[WorkerProcess] = WeakSet()


@fork_safety.in_child
def _let_go() -> None:
    """Release the parent's workers in a child: a lifeline ends when its last holder closes it."""
    for child in _children:
        child.let_go()


class WorkerProcess:
    """A worker process with its guardian; one thread sends it jobs, any thread may kill it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, str(theirs.fileno()), *settings["path"]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,
            )
        self._channel = Channel(ours)
        _children.add(self)
        self._calls = 0
        self._files: dict[str, int] = {}
        self._killed_at = 0.0
        self._died: int | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ)
        for level, pipe in (("STDOUT", self._process.stdout), ("STDERR", self._process.stderr)):
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self._selector.register(_given(pipe), selectors.EVENT_READ, (level, decoder))
        self.send(settings)

    @property
    def pid(self) -> int:
        """The guardian's process id."""
        return self._process.pid

    def is_fit(self, file: str | None) -> bool:
        """Return whether the worker can execute a job of this task file.

        It can if it is alive, has not made too many calls, and has imported no older version.
        """
        if self._killed_at or self._calls >= _MOST_CALLS or self._process.poll() is not None:
            return False
        if file is None:
            return True
        version = _version(file)
        return self._files.setdefault(file, version) == version

    def send(self, message: Any) -> None:
        """Send a message; if the worker is dead, `messages` ends.

        Raises TypeError or ValueError for a value that JSON cannot hold.
        """
        with suppress(OSError):
            self._channel.send(message)

    def messages(self) -> Iterator[Any]:
        """Yield the messages of a job, and `["print", level, text]` for output on its pipes.

        Ends when the process has died.
        """
        self._calls += 1
        while True:
            ready = self._selector.select(_LOOK)
            if self._killed_at and time.monotonic() - self._killed_at > _CERTAIN:
                self._kill_now()
            yield from self._pipes(ready)
            if not any(key.data is None for key, _ in ready):
                continue
            messages = self._channel.receive_some()
            if messages is None:
                return
            for message in messages:
                if message[0] == "died":
                    self._died = message[1]
                if message[0] in ("died", "end"):
                    yield from self._drained()
                yield message

    def kill(self) -> None:
        """Ask the guardian to kill the worker and everything it started; then `messages` ends."""
        self._killed_at = self._killed_at or time.monotonic()
        with suppress(OSError):
            _given(self._process.stdin).close()

    def close(self) -> None:
        """Let the worker exit, kill it if it does not, and release its resources."""
        self._channel.finish()
        if not self._gone(_GRACE):
            self.kill()
        if not self._gone(_CERTAIN):
            self._kill_now()
            self._process.wait()
        self.kill()  # closes the lifeline in any case
        self._selector.close()
        self._channel.close()
        for pipe in (self._process.stdout, self._process.stderr):
            _given(pipe).close()

    def let_go(self) -> None:
        """Close this process's ends of the pipes and the channel, without ending the worker."""
        for end in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError, ValueError):
                _given(end).close()
        self._channel.close()

    def how_it_died(self) -> str:
        """Return why the worker died, as text, after `messages` has ended."""
        pid = self._process.pid
        if self._died is None:
            return f"its worker process was killed together with its guardian (pid {pid})"
        code = os.waitstatus_to_exitcode(self._died)
        if code >= 0:
            return f"its worker process exited with code {code}"
        name = signal.Signals(-code).name
        hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        return f"its worker process was killed by {name}{hint}"

    def _kill_now(self) -> None:
        """Kill a guardian that does not respond; the worker dies with it."""
        with suppress(OSError):
            self._process.kill()

    def _gone(self, timeout: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
            return True
        return False

    def _drained(self) -> Iterator[Any]:
        """Yield the output that is already in the pipes."""
        while pipes := [one for one in self._selector.select(0) if one[0].data is not None]:
            yield from self._pipes(pipes)

    def _pipes(self, ready: list[tuple[selectors.SelectorKey, int]]) -> Iterator[Any]:
        for key, _ in ready:
            if key.data is None:
                continue
            level, decoder = key.data
            chunk = os.read(key.fd, _CHUNK)
            if chunk:
                yield ["print", level, decoder.decode(chunk)]
            else:
                self._selector.unregister(key.fileobj)


def _environment() -> dict[str, str]:
    """Return the environment of a worker, without the variables of the configuration.

    They may hold passwords, and every program that a task starts would inherit them. The worker
    receives them over the channel instead.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _given(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _version(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0
