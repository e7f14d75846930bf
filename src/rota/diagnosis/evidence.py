"""What the doctor looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rota.config import Xcorecfg
from rota.core.ports.records import Damage, NodeRecord
from rota.core.run import Run
from rota.core.task import Policy, Task, TaskDefinition
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.diagnosis.run_statistics import Record
from rota.errors import LedgerError


class FileMistake(Protocol):
    """A mistake in a task file or in the configuration."""

    @property
    def file(self) -> str:
        """Return the file."""

    @property
    def line(self) -> int | None:
        """Return the line, None if it is not known."""

    @property
    def what(self) -> str:
        """Return what is wrong."""


class DefinedTask(Protocol):
    """A task of the project's code, with what the ledger lays over it."""

    @property
    def definition(self) -> TaskDefinition:
        """Return what the code says."""

    @property
    def trigger(self) -> Trigger:
        """Return its trigger, as it is edited."""

    @property
    def policy(self) -> Policy:
        """Return its options, as they are edited."""


@dataclass(frozen=True, slots=True)
class ProjectEvidence:
    """The project as it is, and what its ledger says of the last day."""

    now: Instant
    config: Xcorecfg
    mistakes: Sequence[FileMistake]
    health: Mapping[str, Any]
    entries: Sequence[DefinedTask]
    tasks: Sequence[Task] = ()
    nodes: Sequence[NodeRecord] = ()
    last_day: Record = field(default_factory=Record)
    last_runs: Mapping[str, Sequence[Run]] = field(default_factory=dict)  # oldest first
    damages: Sequence[Damage] = ()
    ledger_trouble: LedgerError | None = None
    config_file: Path | None = None
