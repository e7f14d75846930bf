"""What the doctor looks at, collected once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rota.cli import project
from rota.cli.commands.check import CheckMistake, mistake
from rota.config import Xcorecfg
from rota.core.ports.records import Damage, NodeRecord, RunFilter
from rota.core.run import Run, State
from rota.core.task import Task
from rota.core.time import DAY, Instant
from rota.diagnosis import running_node
from rota.diagnosis.run_statistics import Record, recorded
from rota.engine.planning.task_registry import RegisteredTask
from rota.errors import LedgerError
from rota.manager import Manager, TaskManager

_PEAKS = 60
_MOST_TASKS = 500
"""Tasks whose last runs are looked at one by one; each costs a query."""


@dataclass(frozen=True, slots=True)
class ProjectEvidence:
    """The project as it stands and what its ledger says of the last day."""

    now: Instant
    config: Xcorecfg
    mistakes: Sequence[CheckMistake]
    health: Mapping[str, Any]
    entries: Sequence[RegisteredTask]
    tasks: Sequence[Task] = ()
    nodes: Sequence[NodeRecord] = ()
    last_day: Record = field(default_factory=Record)
    last_runs: Mapping[str, Sequence[Run]] = field(default_factory=dict)  # oldest first
    damages: Sequence[Damage] = ()
    ledger_trouble: LedgerError | None = None
    config_file: Path | None = None


def collect(path: Path | None) -> ProjectEvidence:
    """Look at everything; raises ConfigError, or Mistakes, for a configuration that is wrong."""
    config = project.load(path)
    file = path or Path("config.json")
    with _discovered(config) as (manager, mistakes):
        now, entries = manager.services.clock.now(), manager.services.engine.registry.entries()
        health = running_node.health(config)
        common = (now, config, mistakes, health, entries)
        try:
            tasks = project.tasks(manager)
            if not project.has_ledger(config):
                return ProjectEvidence(*common, tasks, config_file=file)
            return ProjectEvidence(
                *common,
                tasks,
                manager.history.nodes(),
                recorded(manager.history, now - DAY),
                _last_runs(manager, tasks),
                manager.history.damages(search=True),
                config_file=file,
            )
        except LedgerError as error:
            return ProjectEvidence(*common, ledger_trouble=error, config_file=file)


@contextmanager
def _discovered(config: Xcorecfg) -> Iterator[tuple[TaskManager, list[CheckMistake]]]:
    manager = TaskManager(config)
    Manager.use(manager)
    try:
        yield manager, [mistake(error) for error in manager.discover().errors]
    finally:
        manager.shutdown()


def _last_runs(manager: TaskManager, tasks: Sequence[Task]) -> dict[str, list[Run]]:
    succeeded = frozenset({State.SUCCEEDED})
    return {
        task.id: manager.history.runs(RunFilter(task.id, succeeded), limit=_PEAKS).runs[::-1]
        for task in tasks[:_MOST_TASKS]
    }
