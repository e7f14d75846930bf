"""What needs attention, the gravest first, each with the one thing to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rota.core.ports.records import RunFilter
from rota.core.run import WAITING, Run, State
from rota.core.task import Task, TaskStatus
from rota.core.time import DAY, SECOND, Instant
from rota.diagnosis.verified import report_in
from rota.engine.planning.edits import in_place_of, moved
from rota.manager import TaskManager
from rota.web.pages.parts.figures import is_failing

LATE: Instant = 5 * SECOND
"""How long a run may wait after its time before it is called late."""

_READ = 200


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that somebody should look at."""

    icon: str
    task: Task
    what: str
    why: str = ""
    at: Instant | None = None
    run: Run | None = None
    action: str = ""  # retry, run, resume or cancel; else there is only something to look at


def late_runs(waiting: Sequence[Run], now: Instant) -> list[Run]:
    """Return those of the waiting runs that should have started by now."""
    return [run for run in waiting if run.state in WAITING and run.available_at < now - LATE]


def concerns(
    manager: TaskManager, tasks: Sequence[Task], waiting: Sequence[Run], now: Instant
) -> list[Concern]:
    """Return what needs attention, at most once per task; raises LedgerError."""
    known = {task.id: task for task in tasks}
    found: dict[str, Concern] = {}
    for one in (
        *_broken(tasks),
        *_failing(manager, tasks),
        *_missed(manager, known, now),
        *_unsound(manager, known),
        *_late(known, waiting, now),
        *_standing_still(tasks),
        *_edited(tasks),
    ):
        found.setdefault(one.task.id, one)
    return list(found.values())


def _broken(tasks: Sequence[Task]) -> Iterator[Concern]:
    for task in tasks:
        if task.mistake:
            yield Concern("broken", task, "broken", task.mistake)


def _edited(tasks: Sequence[Task]) -> Iterator[Concern]:
    """Yield the tasks whose code changed beneath an edit of them."""
    for task in tasks:
        for edit in task.edits:
            if edit.has_moved:
                why = f"the code changed beneath the edit of {edit.key}: {moved(edit)}"
                yield Concern("degraded", task, "edited", f"{why}; {in_place_of(edit)} holds")


def _failing(manager: TaskManager, tasks: Sequence[Task]) -> Iterator[Concern]:
    failing = [task for task in tasks if is_failing(task)]
    last = manager.history.last_runs([task.id for task in failing]) if failing else {}
    for task in failing:
        run = last.get(task.id)
        if run is not None and run.state is not State.RUNNING:
            state = run.state.value
            yield Concern(state, task, state, run.reason, run.finished_at, run, action="retry")


def _missed(manager: TaskManager, known: Mapping[str, Task], now: Instant) -> Iterator[Concern]:
    where = RunFilter(states={State.MISSED}, since=now - DAY)
    for run in manager.history.runs(where, limit=_READ).runs:
        task = known.get(run.task_id)
        if task is not None and not _ran_since(task, run):
            yield Concern("missed", task, "missed", run.reason, run.fire_time, run, action="run")


def _unsound(manager: TaskManager, known: Mapping[str, Task]) -> Iterator[Concern]:
    """Yield what the record and the rules do not agree on; a hole that has its row is missed."""
    report = report_in(manager.history.evidence.marks())
    for finding in report.findings if report is not None else ():
        task = known.get(finding.task_id)
        if task is not None and not finding.is_mended:
            yield Concern("degraded", task, "record not sound", finding.text, finding.at)


def _ran_since(task: Task, run: Run) -> bool:
    due = run.fire_time or run.created_at
    return task.last_run is not None and task.last_run.timestamp() * SECOND > due


def _late(known: Mapping[str, Task], waiting: Sequence[Run], now: Instant) -> Iterator[Concern]:
    for run in late_runs(waiting, now):
        task = known.get(run.task_id)
        if task is not None:
            why = run.reason or "it waits for a free slot, or for a node that knows its task"
            yield Concern("degraded", task, "late", why, run.available_at, run, action="cancel")


def _standing_still(tasks: Sequence[Task]) -> Iterator[Concern]:
    for task in tasks:
        if task.paused:
            yield Concern("paused", task, "paused", task.pause_reason, action="resume")
        elif task.status is TaskStatus.UNRESOLVED:
            why = "no code of this node defines it"
            yield Concern("unresolved", task, "unresolved", why)
