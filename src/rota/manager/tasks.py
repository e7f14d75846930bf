"""The verbs on tasks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rota.core.ports.records import NewRun
from rota.core.reasons.run_reason import skipped_by
from rota.core.run import Cause, State
from rota.core.task import Overlap, Task, TaskDefinition, TaskStatus
from rota.core.time import from_datetime
from rota.definitions.define import define
from rota.discovery import Catalogue, load_directory
from rota.discovery.loader import MissingDirectory
from rota.discovery.marked import load_modules
from rota.engine.planning.edits import checked_edits, checked_keys
from rota.engine.planning.task_registry import RegisteredTask, records
from rota.errors import (
    LedgerError,
    RotaError,
    StateError,
    TaskLimitError,
    UnknownTaskError,
)
from rota.manager.marked import mark_of, own, take_in, taking
from rota.manager.registers import Registered, note, register
from rota.manager.task_views import TaskFilter, TaskPage, all_tasks, page_of_tasks, unknown_task
from rota.manager.windows import WindowVerbs
from rota.task_api.actor import actor
from rota.task_api.jobs import id_of

logger = logging.getLogger("rota.node")


class TaskVerbs(WindowVerbs):
    """Adds, changes and shows tasks."""

    def add_task(
        self,
        func: Callable[..., Any],
        trigger: str | None = None,
        id: str | None = None,
        **options: Any,
    ) -> Task:
        """Add a task, or replace the one with this id and function; without a trigger it is a job.

        If `@rota.task` marked the function, the mark supplies what is not given here. `options` are
        the trigger's arguments, in addition to the keys of a definition. What neither supplies is
        taken from the entry of the same id in the function's own TASK_DEFINITIONS, then from the
        configuration. Raises DefinitionError, or Mistakes for several, and TaskLimitError.
        """
        mark = mark_of(func, id)
        if mark is not None:
            trigger = mark.trigger if trigger is None else trigger
            options = {**mark.options, **options}
            id = id_of(mark) if id is None else id
        written = _written_definition(func, id)
        kept = {key: value for key, value in written.items() if options.get(key) is None}
        definition = define(func, trigger, id, {**options, **kept}, defaults=self.config.manager)
        task = self._known(self.add_definition(definition))
        if mark is not None:
            own(mark, self)
        _warn_of_missed(task)
        return task

    def create_task(self, definition: TaskDefinition) -> RegisteredTask:
        """Add a validated definition that no code defines, under an id that is free; raises
        TaskLimitError, StateError, LedgerError.
        """
        by, now = actor(), self._now()
        with self._lock:
            if self.get_task(definition.id) is not None:
                raise StateError(
                    f"the id {definition.id!r} is taken.",
                    where="id",
                    remedy="Give another id, or change that task.",
                )
            entry = self.add_definition(definition)
            rows = records([entry])
            try:
                self._write(lambda tx: tx.register(rows, now, by=by))
            except LedgerError:
                self.services.engine.discard(definition.id)
                raise
        return entry

    def add_definition(self, definition: TaskDefinition) -> RegisteredTask:
        """Add a validated definition, or replace the one of its function or file with this id;
        raises TaskLimitError, and StateError for an id that another task has."""
        engine, limit = self.services.engine, self.config.manager.max_tasks
        with self._lock:
            before = engine.registry.get(definition.id)
            if before is None and limit is not None and self._are_live(limit):
                raise TaskLimitError(
                    f"this would be task {limit + 1} of at most {limit}.",
                    where=str(definition.source or definition.id),
                    remedy="Raise manager.max_tasks in the configuration.",
                )
            if before is not None and before.definition is definition:
                return before
            if before is not None and _is_taken(before.definition, definition):
                raise StateError(
                    f"the id {definition.id!r} is taken by {before.definition.func_path}.",
                    where=str(definition.source or definition.id),
                    remedy="Give each task an id of its own, or remove the other task first.",
                )
            entry = engine.add(definition)
            note(definition)
            return entry

    def _are_live(self, limit: int) -> bool:
        """Return whether so many tasks can still fire; one-offs that are over do not count."""
        registry = self.services.engine.registry
        if len(registry) < limit:
            return False
        live = (entry for entry in registry.entries() if entry.can_fire)
        return next(islice(live, limit - 1, None), None) is not None

    def discover(self, directory: Path | str | None = None) -> Catalogue:
        """Load every task file of the tasks directory and add its tasks. A repeated call takes over
        what changed: other code for a task, new tasks, and those that are no longer there.

        Returns what was found, with every mistake in `errors`. The tasks that are right continue to
        run, and so does the last good version of a file that is broken now.
        """
        project, former = self.services.project, self.catalogue
        settings = self.config.manager
        with taking():
            catalogue = load_directory(
                directory or settings.tasks_directories,
                project,
                settings,
                check_owners=settings.check_file_owners,
                previous=former,
                modules=lambda top: load_modules(
                    settings.tasks_modules, top, settings, former.files
                ),
            )
            if directory is None and "tasks_directory" not in settings.model_fields_set:
                return self._take_over(former, catalogue, default=True)
            return self._take_over(former, catalogue)

    def _take_over(
        self, former: Catalogue, catalogue: Catalogue, *, default: bool = False
    ) -> Catalogue:
        """Add what was loaded, and forget what is no longer there; if tasks are defined elsewhere,
        the `default` directory may be missing.
        """
        before, called = self._defined(former), self._registered
        there = {file.path for file in catalogue.files if file.register is not None}
        self._registered = {path: one for path, one in called.items() if path in there}
        self._forget(before, self._defined(catalogue))
        for definition in catalogue.definitions:
            try:
                self.add_definition(definition)
            except RotaError as error:
                catalogue.errors.append(error)
        catalogue.errors += self._call_registers(catalogue)
        self.catalogue = catalogue
        self._marked_errors += take_in(self)
        catalogue.errors += self._marked_errors
        settings = self.config.manager
        if default and (settings.tasks_modules or len(self.services.engine.registry)):
            catalogue.errors = [
                error for error in catalogue.errors if not isinstance(error, MissingDirectory)
            ]
        self.file_errors = list(catalogue.errors)
        self.services.engine.identity.generation = catalogue.generation()
        return catalogue

    def take_in_marked(self) -> None:
        """Add what `@rota.task` marked in the modules that are imported by now, those of
        `manager.tasks_modules` among them; what is wrong with any is logged.
        """
        settings, project = self.config.manager, self.services.project
        with taking():
            if settings.tasks_modules and not self.catalogue.files:
                files = load_modules(settings.tasks_modules, project.absolute(), settings)
                self._take_over(self.catalogue, Catalogue.of(files))
                errors = list(self.file_errors)
            else:
                errors = take_in(self)
                self._marked_errors += errors
                self.file_errors += errors
        for error in errors:
            logger.error("%s", error)

    def _call_registers(self, catalogue: Catalogue) -> list[RotaError]:
        """Call each `register_tasks` that was not called yet, and forget what it no longer adds;
        returns what is wrong with any."""
        before = self._defined(catalogue)
        for file in catalogue.files:
            last = self._registered.get(file.path, Registered())
            if file.register is not None and file.module is not last.module:
                self._registered[file.path] = register(file, self, last)
        self._forget(before, self._defined(catalogue))
        return [one.error for one in self._registered.values() if one.error is not None]

    def _defined(self, catalogue: Catalogue) -> list[TaskDefinition]:
        """Return what the task files define, and what their `register_tasks` added."""
        registered = self._registered.values()
        return [*catalogue.definitions, *(added for one in registered for added in one.definitions)]

    def _forget(self, former: Iterable[TaskDefinition], now: Iterable[TaskDefinition]) -> None:
        """Discard what is no longer defined; what another function has under its id stays."""
        engine, kept = self.services.engine, {one.id: one for one in now}
        with self._lock:
            for gone in former:
                if gone.id in kept and not _is_taken(gone, kept[gone.id]):
                    continue
                entry = engine.registry.get(gone.id)
                if entry is not None and not _is_taken(entry.definition, gone):
                    engine.discard(gone.id)

    def remove_task(self, id: str, *, reason: str = "") -> None:
        """Remove a task: its waiting runs are cancelled, its history stays; raises
        UnknownTaskError.
        """
        self._require(id)
        by, now = actor(), self._now()
        self._write(lambda tx: tx.remove(id, now, reason=reason, by=by))
        self.services.engine.discard(id)

    def skip_next(self, id: str, *, at: datetime | None = None, reason: str = "") -> datetime:
        """Skip the next occurrence of a task, on any node: it is written as skipped at once, and
        its time is returned.

        With `at`, only if that is the next one; without a zone it is read in the task's. Raises
        UnknownTaskError, and StateError if nothing is planned, another one is next, or its run was
        just made.
        """
        self._require(id)
        task, by, now = self.get_task(id), actor(), self._now()
        if task is None or task.next_run is None:
            raise StateError(
                f"no occurrence of {id!r} is planned here"
                + (f": the task is {task.status}." if task else "."),
                remedy="Only what a node that has its code will plan can be skipped.",
            )
        if at is not None and self.instant_of("at", at, id) != from_datetime(task.next_run):
            raise StateError(
                f"the next occurrence of {id!r} is that of {task.next_run.isoformat()},"
                f" not of {at.isoformat()}.",
                remedy="Look at what is planned now, and say again which one to skip.",
            )
        instant = from_datetime(task.next_run)
        run = NewRun(
            id=self.services.engine.ids.new(now),
            task_id=id,
            fire_time=instant,
            cause=Cause.SCHEDULE,
            state=State.SKIPPED,
            reason=skipped_by(by.name, reason),
            available_at=instant,
            created_at=now,
            overlap=Overlap.ALLOW,
        )
        self._write(lambda tx: tx.skip(run, reason=reason, by=by))
        return task.next_run

    def edit_task(
        self,
        id: str,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        trigger_args: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Task:
        """Change options of a task on top of what the code says, durably; None leaves a key. Raises
        UnknownTaskError, DefinitionError, and TriggerError for arguments that do not fit the task's
        trigger, its time zone and its rule for clock changes.

        The edits hold, whatever the code says later, until `reset_task`.
        """
        return self.change_task(
            id, {"name": name, "enabled": enabled, "trigger_args": trigger_args}, reason=reason
        )

    def reset_task(self, id: str, *keys: str, reason: str = "") -> Task:
        """Undo edits: of these keys, or all of them; what the code says holds again from the next
        instant on. Raises UnknownTaskError, and DefinitionError for a key that cannot be edited.
        """
        self._require(id)
        reset = checked_keys(keys, self.history.task(id).edits.given())
        return self.change_task(id, {}, reset, reason=reason)

    def enable_task(self, id: str, *, reason: str = "") -> Task:
        """Let the trigger of a task start it, whatever the code says, from the next instant on;
        does nothing if it is enabled. Raises UnknownTaskError.
        """
        return self._switch(id, True, reason)

    def disable_task(self, id: str, *, reason: str = "") -> Task:
        """Keep the trigger of a task from starting it, whatever the code says; it can still be
        started manually. Does nothing if it is disabled. Raises UnknownTaskError.
        """
        return self._switch(id, False, reason)

    def _switch(self, id: str, on: bool, reason: str) -> Task:
        self._require(id)
        task, code = self.get_task(id), self.history.task(id).record
        if task is None:
            raise self._unknown(id)
        if task.enabled is on:
            return task
        if code.enabled is on:
            return self.change_task(id, {}, ["enabled"], reason=reason)
        return self.change_task(id, {"enabled": on}, reason=reason)

    def change_task(
        self, id: str, changes: Mapping[str, Any], reset: Collection[str] = (), *, reason: str = ""
    ) -> Task:
        """Change options of a task and undo the edits of the keys in `reset`, in one transaction;
        raises as `edit_task` does.
        """
        entry = self._require(id)
        given = {key: value for key, value in changes.items() if value is not None}
        code = entry.definition if entry else self.history.task(id).record
        edits = checked_edits(code, given, self.config.manager.calendars)
        by, now = actor(), self._now()
        self._write(lambda tx: tx.edit(id, edits, now, reset=reset, reason=reason, by=by))
        task = self.get_task(id)
        if task is None:
            raise self._unknown(id)
        _warn_of_missed(task)
        return task

    def get_task(self, id: str) -> Task | None:
        """Return a task in its current state, or None; raises LedgerError."""
        history = self._synced_history()
        entry = self.services.engine.registry.get(id)
        if entry is not None:
            return self._known(entry)
        try:
            stored = history.task(id)
        except UnknownTaskError:
            return None
        if stored.removed_at is not None:
            return None
        return unknown_task(stored, history.last_runs([id]).get(id), self._now())

    def find_tasks(
        self, where: TaskFilter, *, limit: int = 100, after: str | None = None
    ) -> TaskPage:
        """Return a page of tasks, by id; `after` is a page's `next`; raises LedgerError."""
        history, entries = self._synced_history(), self.services.engine.registry.entries()
        return page_of_tasks(entries, history, self._now(), where, limit=limit, after=after)

    def list_tasks(self) -> list[Task]:
        """Return every task, by id: those of this process, and those that only other nodes or
        earlier releases know (`status` unresolved); raises LedgerError."""
        history = self._synced_history()
        return all_tasks(self.services.engine.registry.entries(), history, self._now())


def _warn_of_missed(task: Task) -> None:
    what = "its date had passed when it was first seen, so it does not run; run it manually, or"
    if task.status is TaskStatus.MISSED:
        logger.warning("%s: %s give it another run_date", task.id, what)


def _written_definition(func: Callable[..., Any], id: str | None) -> dict[str, Any]:
    """Return the entry of TASK_DEFINITIONS, without function, trigger and id.

    A `register_tasks` like the document's passes neither `enabled` nor `name`; a task that its
    definition turns off stays off all the same.
    """
    module = sys.modules.get(getattr(func, "__module__", None) or "")
    entries = getattr(module, "TASK_DEFINITIONS", None)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("id") == id and entry.get("func") is func:
            own = ("id", "func", "trigger", "trigger_args")
            return {key: value for key, value in entry.items() if key not in own}
    return {}


def _is_taken(before: TaskDefinition, new: TaskDefinition) -> bool:
    """Return whether an id belongs to another function, and not to former code of the same file."""
    if before.func_path == new.func_path:
        return False
    if not before.source or not new.source or before.source.file != new.source.file:
        return True
    return _is_current_function(before)


def _is_current_function(definition: TaskDefinition) -> bool:
    """Return whether a function is still what its path means: that of a reloaded file is not."""
    module, _, names = definition.func_path.partition(":")
    found: Any = sys.modules.get(module)
    for name in names.split("."):
        found = getattr(found, name, None)
    return found is definition.func
