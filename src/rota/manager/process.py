"""`TaskManager`, the verbs on tasks and runs, and `Manager`, the manager of this process."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from rota.composition import Services
from rota.config import Xcorecfg
from rota.core.role import Role
from rota.diagnosis.health import report
from rota.engine.health.due_runs import waits_here
from rota.engine.health.vitals import state
from rota.engine.upkeep.pruner import prune_now
from rota.errors import RotaError
from rota.executors.inside import refuse_in_a_worker
from rota.manager.base import managers
from rota.manager.marked import owner_of
from rota.manager.marked_enqueuer import MarkedEnqueuer
from rota.manager.operating import NodeVerbs, VerifyVerbs
from rota.manager.replays import ReplayVerbs
from rota.manager.tokens import TokenVerbs
from rota.runtime import fork_safety
from rota.task_api import jobs, output_capture

logger = logging.getLogger("rota.node")


@fork_safety.in_child
def _leave_to_the_parent() -> None:
    for manager in managers:
        if isinstance(manager, TaskManager):
            manager.leave_to_the_parent()


class TaskManager(ReplayVerbs, NodeVerbs, TokenVerbs, VerifyVerbs):
    """Adds, runs, pauses and shows tasks; every verb may be called from any thread.

    Nothing is opened before it is needed. Changes of tasks and runs go through the ledger, so they
    reach every node, and survive a restart.
    """

    @classmethod
    def from_config(cls, path: Path | str) -> TaskManager:
        """Return a task manager made from a config file; relative paths in it start in the current
        directory; raises ConfigError, or Mistakes for several.
        """
        return cls(Xcorecfg.from_file(path))

    def prune(self) -> int:
        """Delete the history past `manager.retention_days` now, and return how many runs that
        were; a started manager does it by itself once an hour. Raises LedgerError."""
        self._open()
        services = self.services
        return prune_now(services.ledger, services.clock, self.config.manager.retention_days)

    def health(self, *, unread: str = "") -> dict[str, Any]:
        """Return the node's health as JSON: `status` healthy, degraded or down, the `reasons`, and
        the figures behind them; never raises for what it finds. Reads the ledger, unless `unread`
        is a reason not to: then it answers at once.
        """
        files = [str(error) for error in self.file_errors]
        project = str(self.services.project.absolute())
        engine = self.services.engine
        found = report(
            state(engine),
            engine.ledger.history,
            engine.clock.now(),
            partial(waits_here, engine),
            broken_files=files,
            unread=unread,
        )
        return {**found, "project": project}

    # --- life ---

    def start(
        self, *, loop: asyncio.AbstractEventLoop | None = None, role: Role | str = Role.ALL
    ) -> None:
        """Start to schedule and run, in threads of its own; returns at once; safe to call twice.

        What `@rota.task` has marked in the imported modules is added.

        With a `role`, this process does only its part: scheduler, worker or web.

        With `loop`, or `task_loop="application"` within a running loop, coroutines run on the
        application's loop. Raises LedgerError, and UnstartableError in a worker process.
        """
        if os.environ.get("ROTA_PROBE"):
            return  # a task file is being tried out: what it does at import has no effect
        refuse_in_a_worker("start() was called")
        with self._lock:
            if self.running:
                return
            if loop is None and self.config.manager.task_loop == "application":
                loop = _running_loop()
            self._lend(loop)
            self.take_in_marked()
            self._start_engine(role=Role(role))
            Manager.use(self)

    def shutdown(self, *, grace: float | None = None) -> bool:
        """Stop: running attempts get `grace` seconds (default: `manager.shutdown_grace`), then are
        cancelled and handed back. Returns True when all ended by themselves. Safe to call twice,
        and from within a task: there it returns at once, and the shutdown continues in another
        thread.
        """
        if "services" not in self.__dict__:
            return True
        if self.services.engine.is_running and _inside_a_run():
            threading.Thread(target=self._stop, args=(grace,), name="rota-stop").start()
            return False
        return self._stop(grace)

    def _stop(self, grace: float | None) -> bool:
        self._opened = False  # a later caller opens the closed ledger again
        if self.services.engine.is_running:
            return self.services.engine.stop(grace)
        self.services.ledger.close()
        return True

    def __enter__(self) -> TaskManager:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def _lend(self, loop: asyncio.AbstractEventLoop | None) -> None:
        lent = self._lent_loop
        if loop is lent or (loop is None and lent is not None and not lent.is_closed()):
            return
        self._lent_loop = loop
        former = self._without_services()
        if former is not None:
            former.ledger.close()

    def _without_services(self) -> Services | None:
        """Release the services, but not the tasks: new services, made when needed, know them
        too.
        """
        former: Services | None = self.__dict__.pop("services", None)
        if former is not None:
            self._tasks_before = [entry.definition for entry in former.engine.registry.entries()]
        self._opened = False
        return former

    def leave_to_the_parent(self) -> None:
        """Detach a child process from its parent: it knows the same tasks, runs nothing, and uses
        nothing of the parent's.

        `start` makes the child a node of its own.
        """
        self._lock = threading.RLock()
        self._lent_loop = None
        if self.running and not _inside_a_run():
            output_capture.restore()  # if logging is not set up, its handler would hide this
            with suppress(Exception):  # of a handler: here, because another thread may not start
                logger.warning(
                    "This process was forked from a node, process %d: tasks run there, and none"
                    " here unless its task manager is started here as well",
                    os.getppid(),
                )
        former = self._without_services()
        if former is not None:
            fork_safety.keep_in_child(former)


class ProcessManager:
    """The process-wide face: one `TaskManager`, made when it is first needed, and its verbs."""

    @cached_property
    def task_manager(self) -> TaskManager:
        """Return the task manager of this process: the one that was started, else one made now;
        raises ConfigError if the configuration is wrong.
        """
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


def enqueuer_of(marks: Sequence[Any]) -> MarkedEnqueuer:
    """Return what enqueues runs of a function with these marks."""
    return MarkedEnqueuer(_manager_of(marks))


def _manager_of(marks: Sequence[Any]) -> TaskManager:
    """Return the task manager that has one of the marks, else the one of this process, else the
    only existing one.
    """
    for mark in marks:
        owner = owner_of(mark)
        if isinstance(owner, TaskManager):
            return owner
    if "task_manager" not in Manager.__dict__:
        made = [one for one in managers if isinstance(one, TaskManager)]
        if len(made) == 1:
            return made[0]
    return Manager.task_manager


jobs.find_enqueuer = enqueuer_of


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _inside_a_run() -> bool:
    from rota.task_api.current_run import current_run

    try:
        current_run()
    except RotaError:
        return False
    return True
