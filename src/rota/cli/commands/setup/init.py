"""`rota init`: create a new project that works at once."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rota.cli import output
from rota.errors import RotaError
from rota.runtime import private_files

_TASKS = '''"""The first tasks; `rota up` loads this file again when it is saved."""

import rota


@rota.task("interval", minutes=1)
async def hello() -> str:
    """Says hello every minute: watch it with `rota runs`, read it with `rota logs`."""
    run = rota.current_run()
    run.logger.info("Hello from run %s, attempt %d", run.id, run.attempt)
    return "said hello"


def cleanup() -> None:
    """A plain function runs in a thread; what it prints is kept with its run."""
    print("tidy")


TASK_DEFINITIONS = [
    {
        "id": "cleanup",
        "name": "Clean up",
        "func": cleanup,
        "trigger": "cron",
        "trigger_args": {"hour": 3, "minute": 30},
        "max_retries": 2,
        "timeout": 60,
    },
]
'''

_JOBS = '''"""Jobs: they run when they are enqueued, like `rota run greet --arg name=Ann`."""

import rota


@rota.task()
async def greet(name: str, times: int = 1) -> str:
    """Greets a person; `greet.enqueue("Ann")` in your own code does the same."""
    run = rota.current_run()
    for _ in range(times):
        run.logger.info("Hello, %s!", name)
    return f"greeted {name}"


@rota.task(max_retries=5, overlap="queue", overlap_key="customer", tags=["billing"])
def send_invoice(customer: str, month: int) -> str:
    """Sends an invoice: it is retried, and runs one at a time for each customer."""
    print(f"invoice of month {month} for {customer}")
    return f"{customer}-{month}"
'''

_IGNORED = """\
rota.db
rota.db-*
app.db
app.db-*
logs/
__pycache__/
.venv/
"""


class Example(StrEnum):
    """The examples for the first task file of a new project."""

    SCHEDULE = "schedule"
    JOBS = "jobs"


def command(
    directory: Annotated[
        Path, typer.Argument(help="The directory; created if it does not exist.")
    ] = Path(),
    example: Annotated[
        Example, typer.Option(help="The example in the first task file.")
    ] = Example.SCHEDULE,
) -> None:
    """Create a new project: config.json, a first task file, .gitignore.

    Existing files are kept.
    """
    try:
        private_files.make_directory(directory, parents=True)
        for name, text in _files(directory, example).items():
            made = _write(directory / name, text)
            output.say(f"{'made' if made else 'kept'}  {output.neutralise(str(directory / name))}")
    except OSError as error:
        raise RotaError(
            f"cannot be written ({error.strerror}).",
            where=str(error.filename or directory),
            remedy="Name a directory that you may write to: rota init DIR.",
        ) from None
    output.say(f"\nNext:  {_enter(directory)}rota up")


def _files(directory: Path, example: Example) -> dict[str, str]:
    return {
        "config.json": _config(directory.resolve().name),
        "backgroundtask/first.py": _JOBS if example is Example.JOBS else _TASKS,
        ".gitignore": _IGNORED,
    }


def _config(name: str) -> str:
    values = {
        "app_name": name[:200] or "rota",
        "manager": {"tasks_directory": "backgroundtask", "timezone": "UTC"},
        "loggers": {"log_level": "INFO", "log_file": "logs/app.log"},
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> bool:
    """Write a new file; returns False, and writes nothing, if it exists."""
    private_files.make_directory(path.parent, parents=True)
    try:
        with open(
            path, "x", encoding="utf-8", errors="surrogateescape", opener=private_files.opener
        ) as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _enter(directory: Path) -> str:
    import shlex

    if directory.resolve() == Path.cwd():
        return ""
    return f"cd {shlex.quote(os.fspath(directory))} && "
