"""The project of a command: its configuration, its ledger, its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli import output
from rota.cli.formatting import UsageError
from rota.config import Xcorecfg, use
from rota.errors import UnknownTaskError, nearest
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock

if TYPE_CHECKING:
    from rota.core.ports.history import History
    from rota.core.ports.ledger import Ledger
    from rota.core.task import Task
    from rota.engine.planning.task_registry import RegisteredTask
    from rota.manager import TaskManager

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Config file; default: config.json, if it exists."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")]
OptionalTaskArgument = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="The task's id.", show_default=False)
]
TagOption = Annotated[str | None, typer.Option("--tag", help="The tasks with this tag.")]
AllOption = Annotated[bool, typer.Option("--all", help="All tasks.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id, or its first or last 6 characters.")
]


def named(task: str | None, tag: str | None, every: bool) -> str:
    """Return what a command is to change, in words; raises UsageError if that is not one of the
    three."""
    if (task is not None) + (tag is not None) + every != 1:
        raise UsageError(
            "Name one task, a tag, or all.",
            where="TASK",
            remedy="Write the task's id, --tag TAG, or --all.",
        )
    return task if task is not None else f"the tasks with tag {tag}" if tag else "all tasks"


def load(path: Path | None) -> Xcorecfg:
    """Read the configuration and set it for this process; raises ConfigError or Mistakes."""
    config = Xcorecfg.load(path)
    use(config)
    return config


def has_ledger(config: Xcorecfg) -> bool:
    """Return whether a ledger has been written; one that is not a file is assumed to exist."""
    scheme, _, rest = config.manager.ledger_url.partition("://")
    if scheme != "sqlite":
        return True
    try:
        status = Path(rest.removeprefix("/")).stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # opening it will report the error
    return status.st_size > 0 or not S_ISREG(status.st_mode)


def say_no_ledger(config: Xcorecfg) -> None:
    """Write a note that there is no ledger yet."""
    output.note(f"No ledger yet at {config.manager.ledger_url}: start the project with `rota up`.")


@contextmanager
def opened_ledger(config: Xcorecfg) -> Iterator[Ledger]:
    """Open only the ledger, without engine and tasks, which is fast; raises LedgerError."""
    ledger = open_ledger(config.manager.ledger_url, clock=SystemClock())
    ledger.open()
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def opened_ledger_if_any(config: Xcorecfg) -> Iterator[Ledger | None]:
    """Open the ledger; yields None, and creates nothing, if there is none yet; raises
    LedgerError."""
    if not has_ledger(config):
        yield None
        return
    with opened_ledger(config) as ledger:
        yield ledger


@contextmanager
def opened_history(config: Xcorecfg) -> Iterator[History | None]:
    """Open the ledger for reading; yields None, and creates nothing, if there is none yet."""
    with opened_ledger_if_any(config) as ledger:
        yield None if ledger is None else ledger.history


@contextmanager
def opened_manager(config: Xcorecfg, *, discover: bool = True) -> Iterator[TaskManager]:
    """Create the task manager with the tasks of the task files; reports the number of mistakes."""
    from rota.manager import Manager, TaskManager

    manager = TaskManager(config)
    Manager.use(manager)  # task files may add tasks to the manager of the process
    try:
        if discover:
            mistakes = len(manager.discover().errors)
            if mistakes:
                noun = "mistake" if mistakes == 1 else "mistakes"
                output.note(f"{mistakes} {noun} in the task files: `rota check` lists them.")
        yield manager
    finally:
        manager.shutdown()


def tasks(manager: TaskManager) -> list[Task]:
    """Return every task by id, from the code alone if there is no ledger yet."""
    if has_ledger(manager.config):
        return manager.list_tasks()
    from rota.manager.task_views import known_task

    now = manager.services.clock.now()
    entries = manager.services.engine.registry.entries()
    found = [known_task(entry, None, False, None, now) for entry in entries]
    return sorted(found, key=lambda task: task.id)


def entries(manager: TaskManager) -> list[RegisteredTask]:
    """Return the tasks that the code of this project defines, with their edits in the ledger."""
    if has_ledger(manager.config):
        manager.list_tasks()
    return manager.services.engine.registry.entries()


def unknown_task(id: str, known: list[str]) -> UnknownTaskError:
    """Return the error for an unknown task, with the nearest known id."""
    return UnknownTaskError(f"no task has the id {id!r}.", remedy=nearest(id, known))
