"""`rota run`: start a task manually, on a running node or in this process."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from datetime import datetime
from typing import Annotated, Any

import typer

from rota.cli import follow_log, formatting, lifetime, output, project
from rota.core import time_text
from rota.core.ports.records import OnConflict
from rota.core.run import FINAL, LogLine, Run, State
from rota.core.time import SECOND
from rota.definitions.arguments import MismatchError, parameters_of
from rota.diagnosis.running_node import live_nodes
from rota.errors import StateError
from rota.manager import TaskManager

_Seconds = Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="At most to wait.")]
_Arguments = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A keyword argument (JSON, or text); repeatable."),
]
_At = Annotated[
    str | None, typer.Option(metavar="TIME", help="Start it no earlier, in the task's zone.")
]
_Delay = Annotated[
    str | None,
    typer.Option("--in", metavar="SPAN", help="Start it this much later: 90s, 5m, 2h, 1d."),
]
_Key = Annotated[
    str | None,
    typer.Option(help="Enqueue once per key: if an earlier run has it, print that run."),
]
_Conflict = Annotated[
    OnConflict | None,
    typer.Option(help="If an earlier run has the key: print it, replace it, or exit with 2."),
]
_Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="For each of its attempts.")
]
_Tags = Annotated[list[str] | None, typer.Option(help="In place of the task's tags; repeatable.")]


def command(
    task: project.TaskArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Show its log until it ends.")] = False,
    wait_for: _Seconds = None,
    arg: _Arguments = None,
    at: _At = None,
    delay: _Delay = None,
    key: _Key = None,
    on_conflict: _Conflict = None,
    priority: Annotated[int | None, typer.Option(help="Higher priorities start first.")] = None,
    queue: Annotated[str | None, typer.Option(help="Which workers run it.")] = None,
    max_retries: Annotated[int | None, typer.Option(help="Its most retries.")] = None,
    timeout: _Timeout = None,
    tag: _Tags = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Enqueue a run of a task and print the run's id.

    What is not given is as the task says. If a node is up, the task runs there. Otherwise it runs
    in this process, which waits for its end, unless it is to start later. Exits with 1 if the
    command waited and the run did not succeed.
    """
    settings = project.load(config)
    texts = formatting.texts("--arg", arg or ())
    own: dict[str, Any] = {
        "run_at": None if at is None else _moment(at),
        "delay": None if delay is None else _span(delay),
        "key": key,
        "on_conflict": on_conflict,
        "priority": priority,
        "queue": queue,
        "max_retries": max_retries,
        "timeout": timeout,
        "tags": tag or None,
    }
    with project.opened_manager(settings) as manager:
        arguments = _read(manager, task, texts) or None
        run_id = manager.enqueue(task, arguments=arguments, reason=reason, **own).id
        output.say(run_id)
        output.flush()
        if not live_nodes(manager.history, manager.services.clock.now()):
            if manager.get_run(run_id).state is State.SCHEDULED:
                output.note("No node is up: the run starts at its time, once a node is up.")
                return
            _judge(_here(manager, run_id, wait_for))
        elif wait or wait_for is not None:
            _judge(_there(manager, run_id, wait_for))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        remedy = "Write one like '2026-01-31 09:00'."
        raise formatting.UsageError(f"{text!r} is no time.", where="--at", remedy=remedy) from None


def _span(text: str) -> float:
    found = formatting.span(text)
    if found is None:
        remedy = "Write one like 90s, 5m, 2h or 1d."
        raise formatting.UsageError(f"{text!r} is no span of time.", where="--in", remedy=remedy)
    return found / SECOND


def _read(manager: TaskManager, task: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments, each parsed as JSON or text, depending on its parameter."""
    entry = manager.services.engine.registry.get(task)
    if entry is None:
        return {name: formatting.value(text) for name, text in texts.items()}
    parameters, found = parameters_of(entry.definition.func), {}
    for name, text in texts.items():
        try:
            found[name] = parameters.form(name).read(text)
        except MismatchError:  # `run_task` reports it, with all other errors
            found[name] = formatting.value(text)
    return found


def _there(manager: TaskManager, run_id: str, timeout: float | None) -> Run:
    """Follow a run that a node executes."""

    def show(line: LogLine) -> None:
        output.say(follow_log.text(line))

    def hopeful() -> bool:
        return bool(live_nodes(manager.history, manager.services.clock.now()))

    ledger = manager.services.ledger
    try:
        return follow_log.follow(ledger, run_id, show, timeout=timeout, hopeful=hopeful)
    except KeyboardInterrupt:
        output.note(f"The run continues: `rota logs -f {run_id}`, `rota cancel {run_id}`.")
        raise


def _here(manager: TaskManager, run_id: str, timeout: float | None) -> Run:
    """Execute a run in this process; its log and output go to standard error as they come.

    Ctrl-C, SIGTERM, SIGHUP and the end of `timeout` seconds cancel it. After a signal, this process
    exits within the grace period of a shutdown, whatever the task does.
    """
    from rota.logs import setup_logging

    def cancel(why: str) -> None:
        with suppress(StateError):  # it may have just ended
            manager.cancel_run(run_id, reason=why)

    def caught(number: int, _: object) -> None:
        lifetime.end_within(manager.config.manager.shutdown_grace + lifetime.MARGIN, lambda: 1)
        threading.Thread(target=cancel, args=(signal.Signals(number).name,), daemon=True).start()

    setup_logging(**manager.config.logging_options())
    output.note("No node is up: the task runs in this process.")
    for number in lifetime.ending():
        signal.signal(number, caught)
    timer = threading.Timer(timeout or 0.0, cancel, (f"not done after --wait-for {timeout}",))
    timer.daemon = True
    if timeout is not None:
        timer.start()
    try:
        with redirect_stdout(sys.stderr):
            return manager.carry_out(run_id)
    finally:
        timer.cancel()


def _judge(run: Run) -> None:
    """Report how a run ended, and exit with 1 if it did not succeed."""
    if run.state not in FINAL:
        output.note(
            f"{run.id} is still {run.state} and continues on a node that is up:"
            f" `rota logs -f {run.id}`."
        )
        raise typer.Exit(1)
    took = ""
    if run.started_at is not None and run.finished_at is not None:
        took = f" after {time_text.duration((run.finished_at - run.started_at) / 1_000_000)}"
    reason = f": {output.neutralise(run.reason)}" if run.reason else ""
    output.note(f"{run.id} {run.state}{took}{reason}")
    if run.state is not State.SUCCEEDED:
        raise typer.Exit(1)
