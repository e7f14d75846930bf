"""What the doctor looks at, collected once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rota.cli import project
from rota.cli.commands.checks.check import CheckMistake, mistake
from rota.config import Xcorecfg
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.task import Task
from rota.core.time import DAY
from rota.diagnosis import running_node, thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.run_statistics import recorded
from rota.errors import LedgerError
from rota.manager import Manager, TaskManager


def collect(path: Path | None) -> ProjectEvidence:
    """Look at everything; raises ConfigError, or Mistakes, for a configuration that is wrong."""
    config = project.load(path)
    file = path or Path("config.json")
    with _discovered(config) as (manager, mistakes):
        now, entries = manager.services.clock.now(), manager.services.engine.registry.entries()
        health = running_node.health(config, partial(project.opened_ledger_if_any, config))
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
    succeeded, history = frozenset({State.SUCCEEDED}), manager.history
    newest = partial(history.runs, limit=thresholds.MEMORY_RUNS)
    return {
        task.id: newest(RunFilter(task.id, succeeded)).runs[::-1]
        for task in tasks[: thresholds.MEMORY_TASKS]
    }
