"""Executing a job in a worker process: find the function, call it, report the outcome."""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from importlib import import_module
from pathlib import Path
from typing import Any

from rota.config.inherited import hand_over
from rota.core.outcome import Outcome
from rota.core.ports.executor import AttemptSpec, UpstreamFacts
from rota.core.time import Instant
from rota.definitions.arguments import parameters_of
from rota.errors import LedgerError
from rota.executors import results
from rota.executors.awaitables import Loop
from rota.executors.inside import become_a_worker
from rota.executors.processes.channel import Channel
from rota.runtime import fork_safety
from rota.task_api import output_capture
from rota.task_api.current_run import CurrentRun, close, enter


def work(channel: Channel) -> None:
    """Execute one job after the other until the channel is closed."""
    settings = channel.receive()
    if settings is None:
        return
    become_a_worker()
    sys.path[:] = settings["path"]
    hand_over(settings["configuration"])
    output_capture.install(write_through=False)
    reporter, loop = ChannelReporter(channel), Loop()
    while (job := channel.receive()) is not None:
        channel.send(["begun"])
        logging.getLogger().setLevel(job.pop("log_level"))
        outcome = Context().run(_perform, job, reporter, settings, loop)
        channel.send(["end", outcome._asdict()])
    loop.close()


class ChannelReporter:
    """The reporter of a worker process; it sends everything over the channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._storing = threading.Lock()

    def log(self, level: str, logger: str, text: str) -> None:
        """Send one line of log."""
        self._channel.send(["log", level, logger, text])

    def progress(self, done: float, total: float | None, note: str) -> None:
        """Send the progress of the run."""
        self._channel.send(["progress", done, total, note])

    def checkpoint(self, value: Any) -> None:
        """Send a value and wait until it is stored; raises LedgerError if that failed."""
        self._answered("the checkpoint was not stored", ["checkpoint", value])

    def remember(self, key: str, value: Any) -> None:
        """Send the result of a step and wait until it is stored; raises as `checkpoint` does."""
        self._answered(f"the step {key!r} was not stored", ["remember", key, value])

    def moment(self, name: str) -> Instant | None:
        """Ask for a time around the run; raises LedgerError if it cannot be found out."""
        answer: Instant | None = self._answered(f"{name} cannot be found out", ["moment", name])
        return answer

    def upstream(self) -> Sequence[UpstreamFacts]:
        """Ask for the upstream runs; raises LedgerError if they cannot be found out."""
        found: Sequence[UpstreamFacts] = self._answered(
            "the upstream runs cannot be found out", ["upstream"]
        )
        return found

    def _answered(self, otherwise: str, message: list[Any]) -> Any:
        """Send a message and wait for its answer; raises LedgerError if it is a refusal."""
        with self._storing:
            self._channel.send(message)
            answer = self._channel.receive()
        if answer is None or answer[1] is not None:
            raise LedgerError(f"{otherwise}.", where="" if answer is None else answer[1])
        return answer[2]


def _perform(
    job: dict[str, Any], reporter: ChannelReporter, settings: dict[str, str], loop: Loop
) -> Outcome:
    run, me = CurrentRun(AttemptSpec(func=_perform, reporter=reporter, **job)), os.getpid()
    enter(run)
    _reset_peak()
    try:
        load = _named(settings["loader"])
        func = load(job["file"], job["func_path"], settings["project"])
        output_capture.keep()  # again: the task file may have configured logging
        args, kwargs = parameters_of(func).rebuilt(job["args"], job["kwargs"])
        result = loop.awaited(func(*args, **kwargs))
        fork_safety.end_if_child(me)
        outcome = results.succeeded(result, _peak(), func)
    except BaseException as exc:
        fork_safety.end_if_child(me, exc)
        outcome = results.raised(exc, _peak())
    close(run)
    return outcome


def _named(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _reset_peak() -> None:
    """Reset the kernel's record of the peak memory, if it supports that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the highest resident size in bytes since `_reset_peak`."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
