"""`TaskManager`, the verbs on tasks and runs, and `Manager`, the one of this process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from rota import capture, forks, triggers
from rota.app import Services, build
from rota.config import Xcorecfg
from rota.core.instants import from_datetime
from rota.core.outcome import error_text
from rota.core.ports import Clock, Edits, History, NewRun, RunFilter, Transaction
from rota.core.run import Cause, Run, State
from rota.core.task import Policy, Task, TaskDefinition
from rota.discovery import Catalogue, LoadedFile, load_directory
from rota.discovery.definitions import define
from rota.discovery.options import OPTIONS, Refusal
from rota.engine.health import report
from rota.engine.planner import by_hand_overlap
from rota.engine.pruner import prune_now
from rota.engine.registry import Entry, records
from rota.errors import (
    DefinitionError,
    RotaError,
    StateError,
    TaskFileError,
    TaskLimitError,
    UnknownTaskError,
    nearest,
)
from rota.overview import all_tasks, known_task, unknown_task

T = TypeVar("T")

PAGE = 1_000

logger = logging.getLogger("rota.node")

_managers: WeakSet[TaskManager] = WeakSet()


@forks.in_child
def _leave_to_the_parent() -> None:
    for manager in _managers:
        manager.leave_to_the_parent()


class TaskManager:
    """Adds, runs, pauses and shows tasks; every verb may be called from any thread.

    Nothing is opened before it is needed. What is done to tasks and runs goes through the ledger,
    so it reaches every node, and is there after a restart.
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
        self._failed_registers: dict[Path, RotaError] = {}
        self._tasks_before: list[TaskDefinition] = []
        _managers.add(self)

    @classmethod
    def from_config(cls, path: Path | str) -> TaskManager:
        """Make one from a config file; relative paths in it start in the current directory;
        raises ConfigError, or Mistakes for several."""
        return cls(Xcorecfg.from_file(path))

    @cached_property
    def config(self) -> Xcorecfg:
        """Return the configuration."""
        return self._config if self._config is not None else Xcorecfg.load()

    @cached_property
    def services(self) -> Services:
        """Return what this process is made of, for the library's own faces."""
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

    # --- tasks ---

    def add_task(self, func: Callable[..., Any], trigger: str, id: str, **options: Any) -> Task:
        """Add a task, or replace the one with this id and function.

        `options` are the trigger's arguments beside the keys of a definition. What is not given
        is taken from the entry of the same id in the function's own TASK_DEFINITIONS, then from
        the configuration. Raises DefinitionError, or Mistakes for several, and TaskLimitError.
        """
        written = _written_definition(func, id)
        definition = define(func, trigger, id, {**written, **options}, defaults=self.config.manager)
        return self._known(self.add_definition(definition))

    def add_definition(self, definition: TaskDefinition) -> Entry:
        """Add a validated definition, or replace the one of its function or file with this id;
        raises TaskLimitError, and StateError for an id that another task has."""
        engine, limit = self.services.engine, self.config.manager.max_tasks
        with self._lock:
            before = engine.registry.get(definition.id)
            if before is None and limit is not None and len(engine.registry) >= limit:
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
            return engine.add(definition)

    def discover(self, directory: Path | str | None = None) -> Catalogue:
        """Load every task file of the tasks directory and add its tasks; called again, take over
        what changed: other code for a task, new tasks, and those that are no longer there.

        Returns what was found, with every mistake in `errors`; the tasks that are right go on, and
        so does the last good version of a file that is broken now.
        """
        project, former = self.services.project, self.catalogue
        catalogue = load_directory(
            project / (directory or self.config.manager.tasks_directory),
            project,
            self.config.manager,
            previous=former,
        )
        for definition in catalogue.definitions:
            try:
                self.add_definition(definition)
            except RotaError as error:
                catalogue.errors.append(error)
        kept = {definition.id for definition in catalogue.definitions}
        for definition in former.definitions:
            if definition.id not in kept:
                self.services.engine.discard(definition.id)
        catalogue.errors += self._call_registers(catalogue, former)
        self.catalogue, self.file_errors = catalogue, list(catalogue.errors)
        return catalogue

    def _call_registers(self, catalogue: Catalogue, former: Catalogue) -> list[RotaError]:
        """Call each `register_tasks` that was not called yet; returns what is wrong with any."""
        called = {file.path: file.module for file in former.files}
        failed, self._failed_registers = self._failed_registers, {}
        for file in catalogue.files:
            if file.register is None:
                continue
            if called.get(file.path) is file.module:
                error = failed.get(file.path)
            else:
                error = _register(file, self)
            if error is not None:
                self._failed_registers[file.path] = error
        return list(self._failed_registers.values())

    def remove_task(self, id: str) -> None:
        """Take a task out: its waiting runs are cancelled, its history stays; raises
        UnknownTaskError."""
        self._require(id)
        self._write(lambda tx: tx.remove(id, self._now()))
        self.services.engine.discard(id)

    def pause_task(self, id: str, *, until: datetime | None = None, reason: str = "") -> None:
        """Plan no occurrences of a task until it is resumed or `until` (aware) has come, on any
        node, across restarts; raises UnknownTaskError."""
        end = None if until is None else from_datetime(until.astimezone(UTC))
        self._require(id)
        self._write(lambda tx: tx.pause(id, self._now(), end, reason))

    def resume_task(self, id: str) -> None:
        """Plan its occurrences again from now on; raises UnknownTaskError."""
        self._require(id)
        self._write(lambda tx: tx.resume(id, self._now()))

    def edit_task(
        self,
        id: str,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        trigger_args: Mapping[str, Any] | None = None,
    ) -> Task:
        """Lay changes over what the code says, durably; None leaves a key; raises
        UnknownTaskError, and TriggerError for arguments its trigger does not understand."""
        entry = self._require(id)
        code = entry.definition if entry else self.history.task(id).record
        if name is not None:
            name = _checked_name(name)
        if trigger_args is not None:
            triggers.parse(code.trigger, trigger_args, timezone=code.timezone)
        self._write(lambda tx: tx.edit(id, Edits(name, enabled, trigger_args), self._now()))
        task = self.get_task(id)
        if task is None:
            raise self._unknown(id)
        return task

    def get_task(self, id: str) -> Task | None:
        """Return a task as it stands now, or None; raises LedgerError."""
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

    def list_tasks(self) -> list[Task]:
        """Return every task, by id: those of this process, and those that only other nodes or
        earlier releases know (`status` unresolved); raises LedgerError."""
        history = self._synced_history()
        return all_tasks(self.services.engine.registry.entries(), history, self._now())

    # --- runs ---

    def run_task(self, id: str, *, arguments: Mapping[str, Any] | None = None) -> str:
        """Start a task by hand and return the run's id; some node that knows the task runs it.

        `arguments` (JSON) are passed by keyword. Raises UnknownTaskError.
        """
        return self.run_many(id, [arguments])[0]

    def run_many(self, id: str, arguments: Iterable[Mapping[str, Any] | None]) -> list[str]:
        """Start a task once for each of the `arguments`, in one commit, and return the runs' ids;
        raises UnknownTaskError."""
        entry, engine = self._require(id), self.services.engine
        if entry is not None and engine.is_running:
            return engine.run_by_hand(entry, list(arguments))
        policy = entry.policy if entry else self.history.task(id).record.policy
        now = self._now()
        runs = [self._manual(id, one, policy, now) for one in arguments]
        self.services.ledger.write(lambda tx: tx.plan(runs)).result()
        return [run.id for run in runs]

    def run_alone(self, id: str, *, arguments: Mapping[str, Any] | None = None) -> Run:
        """Run a task once in this process, where no node is up, as `carry_out` does; raises
        UnknownTaskError."""
        return self.carry_out(self.run_task(id, arguments=arguments))

    def carry_out(self, run_id: str) -> Run:
        """Make a waiting run in this process, where no node is up: nothing is planned, and nothing
        claimed but runs of its task. Returns it when it has ended, retries included; raises
        UnknownRunError."""
        engine, run = self.services.engine, self.history.run(run_id)
        with self._lock:
            self._start_engine(only=run.task_id)
        try:
            engine.wait_for(run.id)
        finally:
            engine.stop()
            self._opened = False
        return self.history.run(run.id)

    def cancel_run(self, run_id: str, *, reason: str = "cancelled by hand") -> State:
        """Cancel a waiting run at once, or have a running one cancelled, and return its state;
        raises UnknownRunError, and StateError for one that has ended."""
        run = self.history.run(run_id)
        return self._write(lambda tx: tx.cancel(run.id, reason, self._now()))

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or an unambiguous part of it; raises UnknownRunError."""
        return self.history.run(run_id)

    def runs(
        self,
        *,
        task_id: str | None = None,
        states: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = True,
    ) -> Iterator[Run]:
        """Yield the runs, page by page, of one task or all; `since` (inclusive) and `until` are
        aware and compare with the fire time, or the creation where there is none. Raises
        LedgerError, and ValueError for a state that there is not."""
        where = RunFilter(
            task_id=task_id,
            states=None if states is None else [State(state) for state in states],
            since=None if since is None else from_datetime(since),
            until=None if until is None else from_datetime(until),
        )
        after = None
        while True:
            page = self.history.runs(where, limit=PAGE, after=after, newest_first=newest_first)
            yield from page.runs
            after = page.next
            if after is None:
                return

    def prune(self) -> int:
        """Delete the history past `manager.retention_days` now, and return how many runs that
        were; a started manager does it by itself once an hour. Raises LedgerError."""
        self._open()
        services = self.services
        return prune_now(services.ledger, services.clock, self.config.manager.retention_days)

    def health(self, *, unread: str = "") -> dict[str, Any]:
        """Return how this node is, as JSON: `status` healthy, degraded or down, the `reasons`,
        and the figures behind them; never raises for what it finds. Reads the ledger, unless
        `unread` is a reason not to: then it answers at once."""
        files = [str(error) for error in self.file_errors]
        project = str(self.services.project.absolute())
        return {**report(self.services.engine, files, unread=unread), "project": project}

    # --- life ---

    @property
    def running(self) -> bool:
        """Say whether this process schedules and runs."""
        return "services" in self.__dict__ and self.services.engine.is_running

    def start(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin to schedule and run, in threads of our own; returns at once; safe twice.

        `loop`, or `task_loop="application"` within a running loop, has coroutines run on the
        application's loop. Raises LedgerError.
        """
        if os.environ.get("ROTA_PROBE"):
            return  # a task file is being tried out: what it does at import happens to nobody
        with self._lock:
            if self.running:
                return
            if loop is None and self.config.manager.task_loop == "application":
                loop = _running_loop()
            self._lend(loop)
            self._start_engine()
            Manager.use(self)

    def shutdown(self, *, grace: float | None = None) -> bool:
        """Stop: running attempts get `grace` seconds (default: `manager.shutdown_grace`), then
        are cancelled and handed back. Returns True when all ended by themselves; safe twice, and
        from within a task, where it returns at once and the stopping goes on beside it.
        """
        if "services" not in self.__dict__:
            return True
        engine = self.services.engine
        if engine.is_running:
            if _inside_a_run():
                threading.Thread(target=engine.stop, args=(grace,), name="rota-stop").start()
                return False
            clean = engine.stop(grace)
        else:
            self.services.ledger.close()
            clean = True
        self._opened = False
        return clean

    def __enter__(self) -> TaskManager:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    # --- inside ---

    def _now(self) -> int:
        return self.services.clock.now()

    def _lend(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if loop is None or loop is self._lent_loop:
            return
        self._lent_loop = loop
        former = self._without_services()
        if former is not None:
            former.ledger.close()

    def _without_services(self) -> Services | None:
        """Give up the services, but not the tasks: new ones, made when needed, know them too."""
        former: Services | None = self.__dict__.pop("services", None)
        if former is not None:
            self._tasks_before = [entry.definition for entry in former.engine.registry.entries()]
        self._opened = False
        return former

    def leave_to_the_parent(self) -> None:
        """In a child process: know the same tasks, run nothing, and use nothing of the parent's.

        `start` makes the child a node of its own.
        """
        self._lock = threading.RLock()
        self._lent_loop = None
        if self.running and not _inside_a_run():
            capture.restore()  # where nobody has set up logging, its handler would hide this
            logger.warning(
                "This process was forked from a node, process %d: tasks run there, and none here"
                " unless its task manager is started here as well",
                os.getppid(),
            )
        former = self._without_services()
        if former is not None:
            forks.leave(former)

    def _open(self) -> None:
        with self._lock:
            if not self._opened and not self.running:
                self.services.ledger.open()
                self._opened = True

    def _start_engine(self, only: str | None = None) -> None:
        if self._opened:  # the engine opens the ledger itself, and it opens only once
            self.services.ledger.close()
            self._opened = False
        self.services.engine.start(only=only)
        self._opened = True

    def _synced_history(self) -> History:
        """Return the history once the ledger and this process know the same of each task."""
        self._open()
        engine = self.services.engine
        if engine.is_running:
            engine.settle_registrations()
        else:
            self._look_up()
        return self.services.ledger.history

    def _look_up(self) -> None:
        """Without an engine: lay over each task what the ledger already knows of it."""
        registry, now = self.services.engine.registry, self._now()
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

    def _require(self, id: str) -> Entry | None:
        """Make sure that a task is known and in the ledger; raises UnknownTaskError."""
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

    def _known(self, entry: Entry) -> Task:
        if not self._opened:
            return known_task(entry, None, False, None, self._now())
        history, id = self._synced_history(), entry.definition.id
        stored = {task.record.id: task for task in history.tasks([id])}.get(id)
        running = any(run.state is State.RUNNING for run in history.active(id))
        return known_task(entry, history.last_runs([id]).get(id), running, stored, self._now())

    def _manual(
        self, id: str, arguments: Mapping[str, Any] | None, policy: Policy, now: int
    ) -> NewRun:
        return NewRun(
            id=self.services.engine.ids.new(now),
            task_id=id,
            fire_time=None,
            cause=Cause.MANUAL,
            state=State.QUEUED,
            reason="",
            available_at=now,
            created_at=now,
            overlap=by_hand_overlap(policy),
            arguments=arguments,
        )


class ProcessManager:
    """The process-wide face: one `TaskManager`, made when it is first needed, and its verbs."""

    @cached_property
    def task_manager(self) -> TaskManager:
        """Return the task manager of this process: the one that was started, else one made now;
        raises ConfigError where the configuration is wrong."""
        return TaskManager()

    def use(self, task_manager: TaskManager) -> None:
        """Make `task_manager` the one of this process."""
        self.__dict__["task_manager"] = task_manager

    def __getattr__(self, name: str) -> Any:
        """Pass a verb on to the task manager."""
        if name.startswith("_") or not hasattr(TaskManager, name):
            raise AttributeError(f"Manager has no attribute {name!r}")
        return getattr(self.task_manager, name)


Manager = ProcessManager()


def _written_definition(func: Callable[..., Any], id: str) -> dict[str, Any]:
    """Return what the entry of TASK_DEFINITIONS says beside function, trigger and id.

    A `register_tasks` like the document's passes neither `enabled` nor `name` on; a task that its
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
    """Say whether an id belongs to another function, and not to former code of the same file."""
    if before.func_path == new.func_path:
        return False
    return not before.source or not new.source or before.source.file != new.source.file


def _checked_name(name: str) -> str:
    try:
        return str(OPTIONS["name"](name))
    except Refusal as refusal:
        raise DefinitionError(
            f"{str(name)[:80]!r} {refusal.why}.", where="name", remedy=refusal.remedy
        ) from None


def _register(file: LoadedFile, manager: TaskManager) -> RotaError | None:
    """Call a file's own `register_tasks`; returns what went wrong."""
    try:
        if file.register is not None:
            file.register(manager)
    except RotaError as error:
        return error
    except Exception as error:
        return TaskFileError(
            f"its register_tasks raised {error_text(error)}.",
            where=str(file.path),
            remedy="Mend it; the tasks it had added before go on.",
        )
    return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _inside_a_run() -> bool:
    from rota.current import current_run

    try:
        current_run()
    except RotaError:
        return False
    return True
