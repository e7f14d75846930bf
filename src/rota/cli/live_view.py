"""The live view of `rota up` on a terminal: running runs, the next ones, and the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rota.cli import output
from rota.core import time_text
from rota.core.ports.records import RunFilter
from rota.core.run import FINAL, Run
from rota.core.time import SECOND, Instant
from rota.engine.planning.upcoming import upcoming_of_all
from rota.errors import LedgerError
from rota.manager import TaskManager

_RUNNING = 8
_NEXT = 4
_LAST = 4
_BAR = 24  # columns
_MANY = 5_000
"""With more tasks, the next runs are not computed: that would cost more than it is worth."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The data of the view at one moment; `trouble` is the error if the ledger does not respond."""

    now: Instant
    title: str
    running: Sequence[Run] = ()
    coming: Sequence[tuple[Instant, str, str]] = ()  # instant, zone, task
    ended: Sequence[Run] = ()
    broken: int = 0
    trouble: str = ""


def take(manager: TaskManager, url: str) -> Snapshot:
    """Return a snapshot of a manager; never raises if the ledger is unavailable."""
    services = manager.services
    now, entries = services.clock.now(), services.engine.registry.entries()
    title = f"{manager.config.app_name} · {len(entries)} tasks · {url}"
    broken = len(manager.file_errors)
    coming = (
        [
            (instant, entry.definition.timezone, entry.definition.id)
            for instant, entry in islice(upcoming_of_all(entries, now), _NEXT)
        ]
        if len(entries) <= _MANY
        else []
    )
    try:
        history = services.ledger.history
        running = history.running()
        ended = history.runs(RunFilter(states=FINAL), limit=_LAST).runs
    except LedgerError as error:
        return Snapshot(now, title, coming=coming, broken=broken, trouble=str(error))
    return Snapshot(now, title, running, coming, ended, broken)


def render(shot: Snapshot) -> RenderableType:
    """Return the view for Rich."""
    parts: list[RenderableType] = [Rule(Text(output.neutralise(shot.title)), style="dim")]
    if shot.trouble:
        parts.append(
            Text(f"The ledger does not answer: {output.neutralise(shot.trouble)}", "bold red")
        )
    if shot.broken:
        text = f"{shot.broken} mistakes in the task files; `rota check` lists them"
        parts.append(Text(text, "bold red"))
    grid = Table(box=None, show_header=False, pad_edge=False)
    for run in shot.running[:_RUNNING]:
        grid.add_row(*_running(run, shot.now))
    if len(shot.running) > _RUNNING:
        grid.add_row(Text("…"), Text(f"and {len(shot.running) - _RUNNING} more"))
    for instant, zone, task in shot.coming:
        grid.add_row(*_coming(instant, zone, task, shot.now))
    for run in shot.ended:
        grid.add_row(*_ended(run, shot.now))
    return Group(*parts, grid)


def _running(run: Run, now: Instant) -> tuple[RenderableType, ...]:
    since = run.attempt_started_at or run.started_at or now
    took = time_text.duration(max(now - since, 0) / SECOND)
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return (
        Text("running", output.style("running")),
        Text(output.neutralise(run.task_id)),
        Text(f"{took}{attempt}"),
        _progress(run),
    )


def _progress(run: Run) -> RenderableType:
    """Return a bar if the total is known, otherwise the note of the task."""
    said = run.progress or {}
    done, total, note = said.get("done"), said.get("total"), said.get("note") or ""
    text = Text(output.neutralise(str(note)))
    if not isinstance(done, int | float):
        return text
    if not isinstance(total, int | float) or total <= 0:
        return Text(f"{done:g} ").append_text(text)
    row = Table.grid(padding=(0, 1))
    share = Text(f"{done / total:.0%}")
    row.add_row(ProgressBar(total=total, completed=done, width=_BAR), share, text)
    return row


def _coming(instant: Instant, zone: str, task: str, now: Instant) -> tuple[RenderableType, ...]:
    return (
        Text("next", "blue"),
        Text(output.neutralise(task)),
        Text(time_text.away(instant, now)),
        Text(time_text.moment(instant, zone), "dim"),
    )


def _ended(run: Run, now: Instant) -> tuple[RenderableType, ...]:
    at = run.finished_at or run.created_at
    return (
        Text(run.state, output.style(run.state)),
        Text(output.neutralise(run.task_id)),
        Text(time_text.away(min(at, now - 1), now)),
        Text(output.neutralise(run.reason), "dim", overflow="ellipsis", no_wrap=True),
    )
