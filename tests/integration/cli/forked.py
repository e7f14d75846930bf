"""The command `rota` in a fork of a process that has loaded it: half a second cheaper each time.

It is the command itself, in a process of its own with its own directory, environment and output.
Only the loading of modules is shared; `Project.rota` runs each command as the real program first.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROTA = str(Path(sys.executable).with_name("rota"))
LONGEST = 240.0  # seconds

LOADED = ("rota.cli.main", "rota.cli.project", "rota.composition", "rota.ledger.ledger")
"""What most commands import, and nothing that starts a thread."""


class Forked:
    """The process that has loaded it, which ends with this one."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="rota-forked-")
        self._address = str(Path(self._home.name) / "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.cli.forked", str(listening.fileno())],
                cwd=Path(__file__).parents[3],
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )

    def run(
        self, words: tuple[str, ...], cwd: Path, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, as `subprocess.run` does with captured output."""
        with (
            socket.socket(socket.AF_UNIX) as link,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            Path(os.devnull).open("rb") as nothing,
        ):
            link.settimeout(LONGEST)
            link.connect(self._address)
            request = json.dumps({"words": words, "cwd": str(cwd), "env": env}).encode()
            files = [nothing.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(link, [len(request).to_bytes(4)], files)
            link.sendall(request)
            code = int.from_bytes(_read(link, 4), signed=True)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess([ROTA, *words], code, *texts)

    def end(self) -> None:
        """End it."""
        self._process.communicate()
        self._home.cleanup()


@cache
def forked() -> Forked:
    """Return the one of this process."""
    import atexit

    one = Forked()
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


def _serve(listening: socket.socket) -> None:
    """Return in a new process for each command, once that is set up; exit when nobody asks."""
    for name in LOADED:
        import_module(name)
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
    """Return in the process of the command; answer with its exit code when that has ended."""
    size, files, _, _ = socket.recv_fds(link, 4, 3)
    request = json.loads(_read(link, int.from_bytes(size)))
    pid = os.fork()
    if not pid:
        link.close()
        return _become(request, files)
    _, status = os.waitpid(pid, 0)
    link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [ROTA, *request["words"]]
    sys.path[0] = str(Path(ROTA).parent)
    program = ModuleType("__main__")
    program.__file__ = ROTA
    sys.modules["__main__"] = program


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    import_module("rota.cli.main").run()
