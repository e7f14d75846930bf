"""Running functions in worker processes, which can be killed whatever they do."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rota.config import inherited
from rota.core.outcome import Outcome, OutcomeKind, TaskVerdict, VerdictKind
from rota.core.ports.executor import AttemptSpec
from rota.errors import DefinitionError
from rota.executors.executions import CANCELLED
from rota.executors.processes.worker_process import WorkerProcess
from rota.executors.results import failed
from rota.executors.thread_pool import Pool, PooledAttempt, PoolThread, Queue
from rota.logs import queued
from rota.task_api.current_run import cancel_requested, record_log, record_output

_log = queued(__name__)


class ProcessExecutor(Pool):
    """An executor of functions in persistent worker processes, one call at a time in each.

    Processes that a function starts and leaves behind end with its worker at the latest.
    `loader` is the "module:function" by which a worker finds functions. It is called as
    `loader(file, "module:qualname", project)`.
    """

    patience = 3.0

    def __init__(
        self,
        slots: int = 2,
        *,
        project: str | Path | None = None,
        loader: str = "rota.discovery.importer:load_function",
        name: str = "rota-process",
    ) -> None:
        super().__init__(slots, name)
        self._project = project
        self._loader = loader

    def place(self, attempt: PooledAttempt) -> str:
        """Return which process executes the attempt."""
        return (
            attempt.pool_thread.where()
            if isinstance(attempt.pool_thread, _ProcessThread)
            else "unknown"
        )

    def new_thread(self, queue: Queue, name: str) -> PoolThread:
        """Return a thread that manages a worker process."""
        return _ProcessThread(self.attempts, queue, name, self._settings)

    def _settings(self) -> dict[str, Any]:
        return {
            "path": [entry for entry in sys.path if isinstance(entry, str)],
            "project": str(self._project or Path.cwd()),
            "loader": self._loader,
            "configuration": inherited.ours(),
        }


class _ProcessThread(PoolThread):
    """A thread that manages one worker process at a time, and starts it when it is needed."""

    def __init__(self, attempts: Any, queue: Queue, name: str, settings: Any) -> None:
        super().__init__(attempts, queue, name)
        self._settings = settings
        self._lock = threading.Lock()
        self._child: WorkerProcess | None = None
        self._attempt: PooledAttempt | None = None  # the one that the child executes

    def perform(self, attempt: PooledAttempt) -> Outcome:
        """Execute the attempt in the worker process."""
        try:
            job = _job(attempt.call)
            # A worker may have died while it was idle: that is not a crash of this attempt.
            outcome = self._delegate(attempt, job) or self._delegate(attempt, job)
        except Exception as exc:  # arguments that are not JSON, or no process could be started
            return failed(exc)
        return outcome or Outcome(OutcomeKind.CRASHED, error="its worker process did not start")

    def _delegate(self, attempt: PooledAttempt, job: dict[str, Any]) -> Outcome | None:
        """Execute the job in the child; returns None if the child died before it began."""
        child = self._fit_child(attempt.call.file)
        with self._lock:
            if cancel_requested(attempt.run):
                return CANCELLED
            self._attempt = attempt
        there = False
        try:
            child.send(job)
            outcome, there = _converse(attempt, child)
            return outcome
        finally:
            with self._lock:
                self._attempt = None
            if not there:
                self.close()

    def halt(self, attempt: PooledAttempt) -> None:
        """Kill the process and everything that it started."""
        with self._lock:
            if self._attempt is attempt and self._child is not None:
                self._child.kill()

    def give_up(self, attempt: PooledAttempt) -> None:
        """Kill the process, if that has not been done."""
        self.halt(attempt)

    def where(self) -> str:
        """Return a description of the present worker process."""
        child = self._child
        return f"worker process under pid {child.pid}" if child else "between two processes"

    def close(self) -> None:
        """End the worker process."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _fit_child(self, file: str | None) -> WorkerProcess:
        if self._child is not None and not self._child.is_fit(file):
            self.close()
        if self._child is None:
            self._child = WorkerProcess(self._settings())
            self._child.is_fit(file)  # records the version that it will import
        return self._child


def _job(call: AttemptSpec) -> dict[str, Any]:
    """Return the call in a form that JSON can hold; raises DefinitionError if there is none."""
    try:
        json.dumps([call.args, dict(call.kwargs)], allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DefinitionError(
            f"the arguments cannot be sent to another process: {error}.",
            where=f"task {call.task_id!r}",
            remedy='Pass numbers, texts, lists and dicts, or leave out executor="process".',
        ) from error
    return {
        "run_id": call.run_id,
        "task_id": call.task_id,
        "attempt": call.attempt,
        "fire_time": call.fire_time,
        "replay": call.replay,
        "func_path": call.func_path,
        "file": call.file,
        "args": list(call.args),
        "kwargs": dict(call.kwargs),
        "checkpoint": call.checkpoint,
        "steps": dict(call.steps),
        "log_level": logging.getLogger().level,
    }


def _converse(attempt: PooledAttempt, child: WorkerProcess) -> tuple[Outcome | None, bool]:
    """Handle the messages of the child until its job has ended or the child has died.

    Returns the outcome (None if the job never began), and whether the child is still alive.
    """
    begun = False
    for message in child.messages():
        match message:
            case ["begun"]:
                begun = True
            case ["end", outcome]:
                return _outcome(outcome), True
            case _:
                _pass_on(attempt, child, message)
    if cancel_requested(attempt.run):
        return CANCELLED, False
    return Outcome(OutcomeKind.CRASHED, error=child.how_it_died()) if begun else None, False


def _pass_on(attempt: PooledAttempt, child: WorkerProcess, message: Any) -> None:
    match message:
        case ["print", level, text]:
            record_output(attempt.run, level, text)
            _show(level, text)
        case ["log", level, logger, text]:
            record_log(attempt.run, level, logger, text)
            _log_here(level, logger, text)
        case ["progress", done, total, note]:
            _report_progress(attempt.call, done, total, note)
        case ["checkpoint", value]:
            child.send(_answer(attempt.call.reporter.checkpoint, value))
        case ["remember", key, value]:
            child.send(_answer(attempt.call.reporter.remember, key, value))
        case ["moment", name]:
            child.send(_answer(attempt.call.reporter.moment, name))
        case ["upstream"]:
            child.send(_answer(attempt.call.reporter.upstream))


def _outcome(fields: Mapping[str, Any]) -> Outcome:
    return Outcome(
        OutcomeKind(fields["kind"]),
        fields["result"],
        fields["error"],
        fields["traceback"],
        tuple(fields["error_types"]),
        fields["peak_memory"],
        verdict=None if fields["verdict"] is None else _verdict(*fields["verdict"]),
    )


def _verdict(kind: str, *others: Any) -> TaskVerdict:
    return TaskVerdict(VerdictKind(kind), *others)


def _report_progress(call: AttemptSpec, done: float, total: float | None, note: str) -> None:
    try:
        call.reporter.progress(done, total, note)
    except Exception:
        _log.exception("The progress of run %s could not be recorded", call.run_id)


def _answer(ask: Callable[..., Any], *what: Any) -> list[Any]:
    """Return the answer to the child: why `ask` failed, otherwise what it returned."""
    try:
        return ["answer", None, ask(*what)]
    except Exception as error:
        return ["answer", f"{type(error).__name__}: {error}", None]


def _log_here(level: str, logger: str, text: str) -> None:
    """Log or print in this process what the task logged or printed in its own."""
    if level in ("STDOUT", "STDERR"):
        _show(level, f"{text}\n")
        return
    number = logging.getLevelNamesMapping().get(level, logging.INFO)
    here = logging.getLogger(logger)
    if here.isEnabledFor(number):
        here.handle(here.makeRecord(logger, number, "", 0, text, (), None))


def _show(level: str, text: str) -> None:
    stream = sys.stdout if level == "STDOUT" else sys.stderr
    with suppress(OSError, ValueError, AttributeError):  # closed, broken or none
        stream.write(text)
