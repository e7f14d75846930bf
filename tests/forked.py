"""Programs of Python in forks of a process that has loaded rota: one to two seconds cheaper each.

It is the program itself, in a process of its own with its own directory, environment and output.
Only the loading of modules is shared. Each kind of program is run as itself first, once in a run of
the tests, and always by `make chaos`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from tests.fault.effort import LONG

ROTA = str(Path(sys.executable).with_name("rota"))
LONGEST = 240.0  # seconds

LOADED = (
    "anyio._backends._asyncio",
    "pydantic.v1",
    "rota.cli.main",
    "rota.cli.run_node",
    "rota.composition",
    "rota.discovery.watcher",
    "rota.ledger.ledger",
    "rota.ledger.sqlite.database",
    "rota.web.server",
    "rota.web.uvicorn_server",
    "uvicorn.loops.asyncio",
)
"""What most commands and nodes import, and nothing that starts a thread."""


def _network() -> str:
    """Return the network that this thread is in: a fork would be in that of the process it comes
    from.
    """
    try:
        return str(Path("/proc/thread-self/ns/net").readlink())
    except OSError:  # not on Linux
        return ""


_own_network = _network()
_known: Path | None = None  # a directory with a file for each kind of program that has been run


def remember(directory: Path) -> None:
    """Have the programs that have been run as themselves noted in a directory."""
    global _known
    directory.mkdir(exist_ok=True)
    _known = directory


def is_forkable(command: Sequence[str], env: Mapping[str, str]) -> bool:
    """Say whether a command may be run in a fork: no longer the first of its kind in this run."""
    if LONG or _known is None or not _is_python(command) or _network() != _own_network:
        return False
    if _start_up(env) != _start_up(os.environ):
        return False
    words = command[:2] if command[0] == ROTA or command[1] == "-c" else command[:4]
    kind = "".join(one if one.isalnum() else "-" for one in " ".join(words)[-200:])
    try:
        (_known / kind).touch(exist_ok=False)
    except FileExistsError:
        return True
    return False


def _is_python(command: Sequence[str]) -> bool:
    """Say whether it is `rota`, or the interpreter with options that a fork can follow.

    Other programs are not forked: uvicorn's workers, for instance, do not come up in one.
    """
    if command[0] != sys.executable:
        return command[0] == ROTA
    words = iter(command[1:])
    while (word := next(words)) == "-W":
        next(words)
    return not word.startswith("-") or word in ("-m", "-c")


def _start_up(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Python reads when it starts, but for the way to its modules."""
    apart = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    names = [name for name in env if name.startswith(("PYTHON", "LC_", "LANG"))]
    return {name: env[name] for name in names if name not in apart}


class Process:
    """A process that was started as a fork, with the part of `subprocess.Popen` that tests use."""

    def __init__(
        self, link: socket.socket, stdin: IO[str] | None = None, stdout: IO[str] | None = None
    ) -> None:
        self._link = link
        self._turn = threading.Lock()
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None
        self.pid = int.from_bytes(_read(link, 4))

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""
        with self._turn:
            if self.returncode is None and select.select([self._link], [], [], 0)[0]:
                self.returncode = int.from_bytes(_read(self._link, 4), signed=True)
                self._link.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code; TimeoutExpired after so many seconds."""
        deadline = time.monotonic() + (LONGEST if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(ROTA, timeout or LONGEST)
            with suppress(ValueError, OSError):  # another thread has seen its end
                select.select([self._link], [], [], 1)
        return code

    def communicate(
        self, input: str | None = None, timeout: float | None = None
    ) -> tuple[str, None]:
        """Write to it, close what it reads, read the rest of its output, and wait for its end.

        After a first call there is no rest.
        """
        if self.stdin is not None and not self.stdin.closed:
            with suppress(BrokenPipeError):
                self.stdin.write(input or "")
                self.stdin.close()
        rest = ""
        if self.stdout is not None and not self.stdout.closed:
            rest = self.stdout.read()
            self.stdout.close()
        self.wait(timeout)
        return rest, None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


Started = Process | subprocess.Popen[str]


def start(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    *,
    out: IO[Any] | int = subprocess.PIPE,
    err: IO[Any] | int = subprocess.STDOUT,
    takes_input: bool = False,
) -> Started:
    """Start `rota` or a program of Python; output and errors go to a pipe, or where you say."""
    if is_forkable(command, env):
        return _forked().start(command, cwd, env, out, err, takes_input)
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE if takes_input else None,
        stdout=out,
        stderr=err,
        text=True,
    )


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `rota` or a program of Python to its end, as `subprocess.run` with captured output."""
    if is_forkable(command, env):
        return _forked().run(command, cwd, env)
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LONGEST, check=False
    )


class _Forked:
    """The process that has loaded rota, which ends with this one."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="rota-forked-")
        self._address = str(Path(self._home.name) / "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(listening.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )

    def run(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            link = self._ask(command, cwd, env, [out.fileno(), err.fileno()])
            code = Process(link).wait()
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(command, code, *texts)

    def start(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        out: IO[Any] | int,
        err: IO[Any] | int,
        takes_input: bool,
    ) -> Process:
        stdin, stdout = None, None
        with ExitStack() as ours:  # what is the new process's alone
            files = []
            if takes_input:
                theirs, writes = os.pipe()
                ours.callback(os.close, theirs)
                stdin = os.fdopen(writes, "w")
                files.append(theirs)
            if out == subprocess.PIPE:
                reads, theirs = os.pipe()
                ours.callback(os.close, theirs)
                stdout = os.fdopen(reads)
            elif isinstance(out, int):  # DEVNULL
                theirs = ours.enter_context(Path(os.devnull).open("w")).fileno()
            else:
                theirs = out.fileno()
            files += [theirs, theirs if isinstance(err, int) else err.fileno()]
            return Process(self._ask(command, cwd, env, files), stdin, stdout)

    def _ask(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], files: list[int]
    ) -> socket.socket:
        """Ask for a process with these files, of which the first may be its input."""
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(LONGEST)
        link.connect(self._address)
        request = json.dumps({"command": [*command], "cwd": str(cwd), "env": dict(env)}).encode()
        with Path(os.devnull).open("rb") as nothing:
            given = files if len(files) == 3 else [nothing.fileno(), *files]
            socket.send_fds(link, [len(request).to_bytes(4)], given)
            link.sendall(request)
        return link

    def end(self) -> None:
        self._process.communicate()
        self._home.cleanup()


@cache
def _forked() -> _Forked:
    """Return the one of this process."""
    one = _Forked()
    atexit.register(one.end)
    return one


def _read(link: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = link.recv(size - len(found))
        if not more:
            raise ConnectionError("the process that has loaded rota has ended")
        found += more
    return found


# --- in the process that has loaded rota, and in its forks ----------------------------------------


def _serve(listening: socket.socket) -> None:
    """Return in a new process for each command, once that is set up; exit when nobody asks."""
    gc.disable()
    for name in LOADED:
        import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while True:
        ready, _, _ = select.select([listening.fileno(), 0], [], [])
        if listening.fileno() not in ready:
            os._exit(0)
        link, _ = listening.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            return _answer(link)
        link.close()


def _answer(link: socket.socket) -> None:
    """Return in the process of the command; answer with its id, then with its exit code."""
    size, files, _, _ = socket.recv_fds(link, 4, 3)
    request = json.loads(_read(link, int.from_bytes(size)))
    pid = os.fork()
    if not pid:
        link.close()
        return _become(request, files)
    for file in files:
        os.close(file)
    link.sendall(pid.to_bytes(4))
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody waits for it
        link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    for place, given in enumerate(files):
        os.dup2(given, place)
        os.close(given)
    # Those of before were made for files of another kind.
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.fdopen(
            place,
            "w" if place else "r",
            buffering=1 if name == "stderr" else -1,
            encoding=getattr(sys, name).encoding,
            errors="backslashreplace" if name == "stderr" else None,
            closefd=False,
        )
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv = request["command"]
    paths = request["env"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = ["", *(path for path in paths if path)]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    sys.dont_write_bytecode = bool(request["env"].get("PYTHONDONTWRITEBYTECODE"))
    gc.enable()


def _execute() -> None:
    """Be the program that the arguments name."""
    if sys.argv[0] == sys.executable:
        sys.argv.pop(0)
    while sys.argv[0] == "-W":
        warnings._setoption(sys.argv[1])  # type: ignore[attr-defined]  # as the interpreter does
        del sys.argv[:2]
    match sys.argv[0]:
        case "-m":
            sys.argv.pop(0)
            sys.path[0] = str(Path.cwd())
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        case "-c":
            code = sys.argv.pop(1)
            sys.path[0] = ""
            exec(compile(code, "<string>", "exec"), vars(_main(None)))
        case file:
            main = _main(file)
            exec(compile(Path(file).read_text(), file, "exec"), vars(main))


def _main(file: str | None) -> ModuleType:
    """Return the module of the program, a new one."""
    program = ModuleType("__main__")
    if file is not None:
        program.__file__ = file
        sys.path[0] = str(Path(file).resolve().parent)
    sys.modules["__main__"] = program
    return program


def _exit(code: int) -> None:
    """End as the interpreter does, but for taking its modules apart, which costs most of a fork."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are no daemons
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # else the interpreter says so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        _execute()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _exit(end.code or 0)
    _exit(0)
