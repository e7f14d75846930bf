"""What every verb needs: the configuration, the services, the open ledger, and access for
writing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from rota.composition import Services, build
from rota.config import Xcorecfg
from rota.core.ports.clock import Clock
from rota.core.ports.history import History
from rota.core.ports.ledger import Transaction
from rota.core.role import Role
from rota.core.task import Task, TaskDefinition
from rota.core.time import Instant
from rota.discovery import Catalogue
from rota.engine.planning.task_registry import RegisteredTask, records
from rota.errors import DefinitionError, RotaError, TriggerError, UnknownTaskError, nearest
from rota.manager.registers import Registered
from rota.manager.task_views import known_task
from rota.triggers.zones import read_moment, read_zone

T = TypeVar("T")

managers: WeakSet[ManagerBase] = WeakSet()
"""Every task manager of this process."""


class ManagerBase:
    """The services of a process, opened when they are first needed, with the ledger and the
    registry kept in agreement.
    """

    def __init__(
        self,
        config: Xcorecfg | None = None,
        *,
        project: Path | str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the configuration (default: `config.json` in the current directory if it is
        there, and the environment); raises ConfigError, or Mistakes for several."""
        self._config = config
        self._project = Path(project) if project is not None else None
        self._clock = clock
        self._lent_loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.RLock()
        self._opened = False
        self.file_errors: list[RotaError] = []
        """What is wrong with the task files, as of the last `discover`."""
        self.catalogue = Catalogue()
        """What the task files define, as of the last `discover`."""
        self._registered: dict[Path, Registered] = {}
        self._marked_errors: list[RotaError] = []
        self._tasks_before: list[TaskDefinition] = []
        managers.add(self)

    @cached_property
    def config(self) -> Xcorecfg:
        """Return the configuration."""
        return self._config if self._config is not None else Xcorecfg.load()

    @cached_property
    def services(self) -> Services:
        """Return the services of this process, for the library's own faces."""
        services = build(
            self.config, project=self._project, clock=self._clock, loop=self._lent_loop
        )
        for definition in self._tasks_before:
            services.engine.add(definition)
        return services

    @property
    def history(self) -> History:
        """Return the reading side of the ledger; raises LedgerError."""
        self._open()
        return self.services.ledger.history

    @property
    def running(self) -> bool:
        """Return whether this process schedules and runs."""
        return "services" in self.__dict__ and self.services.engine.is_running

    def instant_of(self, name: str, moment: datetime, task_id: str | None = None) -> Instant:
        """Return the instant of a moment, the argument `name`; raises DefinitionError for one that
        is outside the years 1 to 9999, or is no moment.

        A moment without a zone is read in that of the task, else in `manager.timezone`.
        """
        zone = self.config.manager.timezone
        if task_id is not None and getattr(moment, "tzinfo", None) is None:
            zone = self._zone_of(task_id) or zone
        try:
            return read_moment(name, moment, read_zone(zone))
        except TriggerError as error:
            raise DefinitionError(error.what, where=name, remedy=error.remedy) from None

    def _zone_of(self, task_id: str) -> str | None:
        entry = self.services.engine.registry.get(task_id)
        if entry is not None:
            return entry.definition.timezone
        return next((one.record.timezone for one in self.history.tasks([task_id])), None)

    # --- inside ---

    def _now(self) -> int:
        return self.services.clock.now()

    def _open(self) -> None:
        with self._lock:
            if not self._opened and not self.running:
                self.services.ledger.open()
                self._opened = True

    def _start_engine(self, only: str | None = None, role: Role = Role.ALL) -> None:
        if self._opened:  # the engine opens the ledger itself, and it opens only once
            self.services.ledger.close()
            self._opened = False
        self.services.engine.start(only=only, role=role)
        self._opened = True

    def _synced_history(self) -> History:
        """Return the history once the ledger and this process agree on each task."""
        self._open()
        engine = self.services.engine
        if engine.is_running:
            engine.settle_registrations()
        else:
            self._look_up()
        return self.services.ledger.history

    def _look_up(self) -> None:
        """Apply to each task what the ledger already knows of it, without an engine."""
        registry, now = self.services.engine.registry, self._now()
        registry.take_windows(self.services.ledger.history.windows())
        for stored in self.services.ledger.history.changed_tasks(registry.revision):
            entry = registry.get(stored.record.id)
            if entry is not None and stored.removed_at is None:
                entry.lay_over(stored, now)

    def _write(self, operation: Callable[[Transaction], T]) -> T:
        self._open()
        result = self.services.ledger.write(operation).result()
        if self.services.engine.is_running:
            self.services.engine.refresh()
        else:
            self._look_up()
        return result

    def _require(self, id: str) -> RegisteredTask | None:
        """Return the entry of a task that is known and in the ledger; raises UnknownTaskError."""
        self._open()
        engine = self.services.engine
        entry = engine.registry.get(id)
        if engine.is_running:
            engine.settle_registrations()
        elif entry is not None:
            rows, now = records([entry]), self._now()
            self.services.ledger.write(lambda tx: tx.register(rows, now)).result()
        if entry is None and id not in self._stored_ids([id]):
            raise self._unknown(id)
        return entry

    def _unknown(self, id: str) -> UnknownTaskError:
        known = {entry.definition.id for entry in self.services.engine.registry.entries()}
        known.update(self._stored_ids())
        return UnknownTaskError(f"no task has the id {id!r}.", remedy=nearest(id, sorted(known)))

    def _stored_ids(self, among: list[str] | None = None) -> set[str]:
        """Return the ids that the ledger knows, removed ones left out."""
        tasks = self.services.ledger.history.tasks(among)
        return {task.record.id for task in tasks if task.removed_at is None}

    def _known(self, entry: RegisteredTask) -> Task:
        if not self._opened:
            return known_task(entry, None, False, None, self._now())
        history, id = self._synced_history(), entry.definition.id
        stored = {task.record.id: task for task in history.tasks([id])}.get(id)
        running = any(run.task_id == id for run in history.running())
        return known_task(entry, history.last_runs([id]).get(id), running, stored, self._now())
