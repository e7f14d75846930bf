"""The project that a command is about: its configuration, its ledger, its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli import output
from rota.config import Xcorecfg, use
from rota.errors import UnknownTaskError, nearest
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock

if TYPE_CHECKING:
    from rota.core.ports.history import History
    from rota.core.ports.ledger import Ledger
    from rota.core.ports.records import NodeRecord
    from rota.core.task import Task
    from rota.engine.planning.task_registry import RegisteredTask
    from rota.manager import TaskManager

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Config file; default: config.json where there is one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id, or its first or last 6 characters.")
]


def load(path: Path | None) -> Xcorecfg:
    """Read the configuration and make it this process's; raises ConfigError, Mistakes."""
    config = Xcorecfg.load(path)
    use(config)
    return config


def has_ledger(config: Xcorecfg) -> bool:
    """Say whether a ledger was ever written; one that is no file is taken to be there."""
    scheme, _, rest = config.manager.ledger_url.partition("://")
    if scheme != "sqlite":
        return True
    try:
        status = Path(rest.removeprefix("/")).stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # whoever opens it will say what is wrong
    return status.st_size > 0 or not S_ISREG(status.st_mode)


def say_no_ledger(config: Xcorecfg) -> None:
    """Tell that there is nothing to read yet."""
    output.note(f"No ledger yet at {config.manager.ledger_url}: start the project with `rota up`.")


@contextmanager
def opened_ledger(config: Xcorecfg) -> Iterator[Ledger]:
    """Open the ledger alone, without engine and tasks, which is quick; raises LedgerError."""
    ledger = open_ledger(config.manager.ledger_url, clock=SystemClock())
    ledger.open()
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def opened_history(config: Xcorecfg) -> Iterator[History | None]:
    """Open the ledger for reading; None, and nothing is made, where there is none yet."""
    if not has_ledger(config):
        yield None
        return
    with opened_ledger(config) as ledger:
        yield ledger.history


@contextmanager
def opened_manager(config: Xcorecfg, *, discover: bool = True) -> Iterator[TaskManager]:
    """Build the task manager with the tasks of the task files; mistakes in them are counted."""
    from rota.manager import Manager, TaskManager

    manager = TaskManager(config)
    Manager.use(manager)  # task files may add tasks to the process's own
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
    """Return every task by id, from the code alone where there is no ledger yet."""
    if has_ledger(manager.config):
        return manager.list_tasks()
    from rota.manager.task_views import known_task

    now = manager.services.clock.now()
    entries = manager.services.engine.registry.entries()
    found = [known_task(entry, None, False, None, now) for entry in entries]
    return sorted(found, key=lambda task: task.id)


def entries(manager: TaskManager) -> list[RegisteredTask]:
    """Return the tasks that this project's code defines, with what the ledger lays over them."""
    if has_ledger(manager.config):
        manager.list_tasks()
    return manager.services.engine.registry.entries()


def unknown_task(id: str, known: list[str]) -> UnknownTaskError:
    """Return the error for a task that is not among the known ones."""
    return UnknownTaskError(f"no task has the id {id!r}.", remedy=nearest(id, known))


def live_nodes(history: History, now: int) -> list[NodeRecord]:
    """Return the nodes that are up for every task: their lease holds, their process is not known
    dead, and they are no `rota run` that works alone."""
    from rota.engine.membership.identity import is_dead

    return [
        node
        for node in history.nodes()
        if node.state == "up"
        and node.lease_until > now
        and not node.info.get("only")
        and not is_dead(node)
    ]
