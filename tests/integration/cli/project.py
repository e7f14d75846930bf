"""A project in a directory of its own, and the real command in it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rota.testing import eventually
from tests import forked
from tests.forked import ROTA as ROTA
from tests.forked import Started

PATIENCE = 90.0  # seconds; what is waited for comes much sooner, but for a crowded machine

TASKS = '''
import asyncio
from pathlib import Path

import rota


@rota.task("interval", hours=1)
async def hold():
    """Runs until it is released."""
    rota.current_run().progress(1, 4, "holding")
    Path("begun").touch()
    while not Path("release").exists():
        await asyncio.sleep(0.02)
    return "released"


@rota.task("cron", hour=9, timezone="Europe/Berlin", max_retries=0)
def greet(name="you", times=1):
    print("\\x1b[31mhello " + name * times)


@rota.task("cron", hour=10, max_retries=0)
def fail():
    raise ValueError("no such luck")


@rota.task("cron", hour=11, enabled=False)
def idle():
    pass
'''


def until(true: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait for a predicate to become true."""
    eventually(true, within=within)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would change the outcome."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("XCORE_")}
    return {**kept, "COLUMNS": "200", "TERM": "xterm-256color", **more}


class Project:
    """A directory with a config.json and task files."""

    def __init__(self, path: Path, tasks: str = TASKS, **manager: Any) -> None:
        self.path = path
        self.port = free_port()
        settings = {"port": self.port, "node": "a", "shutdown_grace": 20, **manager}
        self.write("config.json", json.dumps({"manager": settings}))
        self.write("backgroundtask/work.py", tasks)

    @classmethod
    def at(cls, path: Path) -> Project:
        """Return a project that is there already, as it is."""
        project = cls.__new__(cls)
        project.path, project.port = path, 0
        return project

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def touch(self, name: str) -> None:
        """Make an empty file."""
        (self.path / name).touch()

    def has(self, name: str) -> bool:
        """Say whether a file is there."""
        return (self.path / name).exists()

    def rota(self, *words: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end and check its exit code."""
        done = forked.run([ROTA, *words], self.path, environment(**env))
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert not re.search("^Traceback", done.stderr, re.MULTILINE), done.stderr
        return done

    def begin(self, *words: str) -> Started:
        """Start the command, what it says going to nobody."""
        return forked.start([ROTA, *words], self.path, environment(), out=subprocess.DEVNULL)

    def lines(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """Run the command with --json and return its objects."""
        out = self.rota(*words, "--json", code=code).stdout
        return [json.loads(line) for line in out.splitlines()]

    def asked(self, path: str) -> dict[str, Any]:
        """Return what the running node answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def broken(self) -> list[str]:
        """Return the broken task files that the running node tells of."""
        files: list[str] = self.asked("/health")["broken_task_files"]
        return files

    @contextmanager
    def up(self, *words: str, command: Sequence[str] = (ROTA, "up")) -> Iterator[Up]:
        """Start `rota up`, and kill it at the end if it is there still."""
        up = Up(self, *words, command=command)
        try:
            yield up
        finally:
            up.kill()


class Up:
    """A running `rota up`."""

    def __init__(
        self, project: Project, *words: str, command: Sequence[str] = (ROTA, "up")
    ) -> None:
        self.process = forked.start([*command, *words], project.path, environment())
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def says(self, text: str) -> None:
        """Wait until it has written a text."""
        until(lambda: text in self.output or self.process.poll() is not None)
        assert text in self.output, self.output

    def ready(self) -> Up:
        """Wait until it is up."""
        self.says("rota is up: ")
        return self

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.ends()
        assert self.process.stdout is not None
        self.process.stdout.close()
