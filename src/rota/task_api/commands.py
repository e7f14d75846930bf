"""Programs as tasks: `rota.command(["pg_dump", "shop"])`."""

from __future__ import annotations

import codecs
import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from rota.core.secrets import redact_text
from rota.errors import CommandError, DefinitionError
from rota.runtime import fork_safety
from rota.task_api.current_run import on_cancel_requested, running

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL for a command whose run was asked to end."""

_CHUNK = 64 * 1024
_TAIL = 1_500  # characters of output that an error shows
_MOST_SHOWN = 200
_NOT_PASSED_ON = ("XCORE_", "ROTA_")
_GUARDIAN = str(Path(__file__).parents[1] / "executors" / "processes" / "guardian.py")
_PYTHON = (sys.executable, "-I", "-S") if sys.platform == "linux" else (sys.executable, "-I")

_programs: WeakSet[_Program] = WeakSet()


def command(
    argv: Sequence[str | os.PathLike[str]] | str,
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    codes: Collection[int] = (0,),
) -> Command:
    """Return a task function that runs a program with its arguments, or a line of `/bin/sh`.

    An exit code among `codes` means success, any other one fails the attempt. What the program
    writes is the run's log. The program and everything that it started are ended when its run is
    cancelled or times out, when the node ends in any way, and when the program has ended itself.
    `env` is added to this process's environment without `XCORE_…` and `ROTA_…`. Raises
    DefinitionError.
    """
    words = _words(argv)
    if not words or not words[0]:
        raise _wrong("the command is empty.")
    if any("\0" in word for word in words):
        raise _wrong("a word holds a NUL character.")
    if not codes or not all(type(code) is int for code in codes):
        raise _wrong("codes holds the exit codes that mean success.", "Write codes=(0, 1).")
    given = {str(name): str(value) for name, value in (env or {}).items()}
    return Command(words, argv if isinstance(argv, str) else "", cwd, given, frozenset(codes))


class Command:
    """A program as a function; made by `rota.command`."""

    def __init__(
        self,
        argv: list[str],
        line: str,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str],
        codes: frozenset[int],
    ) -> None:
        self._argv, self._cwd, self._env, self._codes = argv, cwd, env, codes
        first = line.split()[0] if line else argv[0]
        self.name = os.path.basename(first)[:_MOST_SHOWN] or "command"  # noqa: PTH119
        self._line = bool(line)
        self.shown = redact_text(" ".join(line.split()) if line else " ".join(argv))[:_MOST_SHOWN]
        """The command as it may be shown."""
        digest = blake2b("\0".join(argv).encode("utf-8", "surrogatepass"), digest_size=4)
        self.path = f"command:{self.name}-{digest.hexdigest()}"
        """The path of the task, in place of a function's."""

    def __repr__(self) -> str:
        return f"<rota.command {self.shown}>"

    def __call__(self) -> None:
        """Run the program to its end; raises CommandError for an exit code that does not mean
        success, OSError if no process can be started.
        """
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)
        }
        program = _Program(self._argv, self._cwd, {**kept, **self._env})
        run = running()
        try:
            if run is not None:
                on_cancel_requested(run, program.end)
            program.follow()
        finally:
            if run is not None:
                on_cancel_requested(run, None)
            program.close()
        if run is not None and run.cancelled:
            return  # whatever its exit code is: it was killed
        code = program.code
        if code not in self._codes:
            raise CommandError(self._failure(program, code), code=code)

    def _failure(self, program: _Program, code: int) -> str:
        name = f"`{self.shown}`" if self._line else self.name
        if program.unable is not None:
            return f"{name} cannot be run: {os.strerror(program.unable)}."
        killed = code < 0
        how = f"was killed by {_signal_name(-code)}" if killed else f"ended with exit code {code}"
        tail = program.tail.strip()
        return f"{name} {how}." + (f" It wrote at last:\n{tail}" if tail else "")


class _Program:
    """A program in progress, below a guardian of its own."""

    def __init__(
        self, argv: list[str], cwd: str | os.PathLike[str] | None, env: Mapping[str, str]
    ) -> None:
        self.code = 127
        self.unable: int | None = None  # why it could not be started
        self.tail = ""
        self._lock = threading.Lock()
        self._told_at = 0.0
        ours, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*_PYTHON, _GUARDIAN, str(theirs), *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[theirs],
                cwd=cwd,
                env=dict(env),
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self._report = os.fdopen(ours, "rb", buffering=0)
        _programs.add(self)

    def end(self) -> None:
        """Ask the program to end, by SIGTERM; `follow` kills it soon after. Called from any
        thread.
        """
        with self._lock:
            if not self._told_at:
                self._told_at = time.monotonic()
                with suppress(OSError, ValueError):  # it is gone
                    os.write(_given(self._process.stdin).fileno(), b"T")

    def follow(self) -> None:
        """Print what the program writes, until it has ended with everything that it started."""
        report = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._report, selectors.EVENT_READ)
            for stream, pipe in (
                ("stdout", self._process.stdout),
                ("stderr", self._process.stderr),
            ):
                decoder = codecs.getincrementaldecoder("utf-8")("replace")
                selector.register(_given(pipe), selectors.EVENT_READ, (stream, decoder))
            while selector.get_map():
                for key, _ in selector.select(self._patience()):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.data is None:
                        report += chunk
                    else:
                        self._show(key.data[0], key.data[1].decode(chunk))
                if self._told_at and time.monotonic() >= self._told_at + GRACE:
                    self._kill()
        self._process.wait()
        for line in report.splitlines():
            self._take(line)

    def close(self) -> None:
        """Kill everything that is left, and release its resources."""
        self._kill()
        for end in (self._process.stdout, self._process.stderr, self._report):
            with suppress(OSError):
                _given(end).close()
        self._process.wait()

    def let_go(self) -> None:
        """Close this process's copies of its ends, and leave the program running."""
        for end in (self._process.stdin, self._process.stdout, self._process.stderr, self._report):
            with suppress(OSError, ValueError):
                _given(end).close()

    def _patience(self) -> float:
        """Return how long to wait for output: the program may be asked to end meanwhile."""
        if not self._told_at:
            return 0.25
        return max(0.02, self._told_at + GRACE - time.monotonic())

    def _kill(self) -> None:
        with self._lock, suppress(OSError):
            _given(self._process.stdin).close()

    def _show(self, stream: str, text: str) -> None:
        self.tail = f"{self.tail}{text}"[-_TAIL:]
        with suppress(OSError, ValueError, AttributeError):  # closed, broken or none
            getattr(sys, stream).write(text)

    def _take(self, line: bytes) -> None:
        match json.loads(line) if line.strip() else None:
            case ["died", int(status)] if self.unable is None:
                self.code = os.waitstatus_to_exitcode(status)
            case ["unable", number]:
                self.unable = number or errno.ENOEXEC


@fork_safety.in_child
def _let_go() -> None:
    """Release the programs of the parent: a lifeline ends when its last holder has closed it."""
    for program in _programs:
        program.let_go()


def _words(argv: Any) -> list[str]:
    if isinstance(argv, str):
        return ["/bin/sh", "-c", argv] if argv.strip() else []
    if isinstance(argv, list | tuple):
        return [word if isinstance(word, str) else _path(word) for word in argv]
    raise _wrong(f"{type(argv).__name__} is no command.")


def _given(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _path(word: Any) -> str:
    if not isinstance(word, os.PathLike):
        raise _wrong(f"{type(word).__name__} is no word of a command.")
    return os.fsdecode(os.fspath(word))


def _wrong(what: str, remedy: str = "") -> DefinitionError:
    remedy = remedy or "Write rota.command(['program', 'argument']) or rota.command('a | b')."
    return DefinitionError(what, where="rota.command", remedy=remedy)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have none
        return f"signal {number}"
