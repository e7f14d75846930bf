"""What needs attention, the gravest first, each with the one thing to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rota.core.ports.history import History
from rota.core.ports.records import RunFilter
from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import of_run, reason
from rota.core.run import Run, State
from rota.core.task import Task, TaskStatus
from rota.core.time import DAY, SECOND, Instant
from rota.definitions.edits import in_place_of, moved
from rota.diagnosis import thresholds
from rota.diagnosis.verified import report_in
from rota.diagnosis.waits import is_late

FAILING = frozenset({State.FAILED, State.LOST})
"""The states of a last run that make a task one that fails."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs the attention of a person."""

    icon: str
    task: Task
    what: str
    reason: Reason
    at: Instant | None = None
    run: Run | None = None
    action: str = ""  # retry, run, resume or cancel; else there is only something to look at


def is_failing(task: Task) -> bool:
    """Return whether the last run of a task went wrong."""
    return task.last_state in FAILING


def late_runs(waiting: Sequence[Run], now: Instant) -> list[Run]:
    """Return those of the waiting runs that should have started by now."""
    return [run for run in waiting if is_late(run, now)]


def concerns(
    history: History, tasks: Sequence[Task], waiting: Sequence[Run], now: Instant
) -> list[Concern]:
    """Return what needs attention, at most once per task; raises LedgerError."""
    known = {task.id: task for task in tasks}
    found: dict[str, Concern] = {}
    for one in (
        *_broken(tasks),
        *_failing(history, tasks),
        *_missed(history, known, now),
        *_unsound(history, known),
        *_late(known, waiting, now),
        *_standing_still(tasks),
        *_edited(tasks),
    ):
        found.setdefault(one.task.id, one)
    return list(found.values())


def _broken(tasks: Sequence[Task]) -> Iterator[Concern]:
    for task in tasks:
        if task.mistake:
            why = reason(TroubleCode.TASK_BROKEN, task.mistake)
            yield Concern("broken", task, "broken", why)


def _edited(tasks: Sequence[Task]) -> Iterator[Concern]:
    """Yield the tasks whose code changed below an edit of them."""
    for task in tasks:
        for edit in task.edits:
            if edit.has_moved:
                text = f"the code below the edit changed of {edit.key}: {moved(edit)}"
                text = f"{text}; {in_place_of(edit)} holds"
                why = reason(TroubleCode.EDIT_MOVED, text, task=task.id, key=edit.key)
                yield Concern("degraded", task, "edited", why)


def _failing(history: History, tasks: Sequence[Task]) -> Iterator[Concern]:
    failing = [task for task in tasks if is_failing(task)]
    last = history.last_runs([task.id for task in failing]) if failing else {}
    for task in failing:
        run = last.get(task.id)
        if run is not None and run.state is not State.RUNNING:
            state = run.state.value
            why = of_run(run, TroubleCode.RUNS_FAILED)
            yield Concern(state, task, state, why, run.finished_at, run, action="retry")


def _missed(history: History, known: Mapping[str, Task], now: Instant) -> Iterator[Concern]:
    where = RunFilter(states={State.MISSED}, since=now - DAY)
    for run in history.runs(where, limit=thresholds.MOST_MISSED).runs:
        task = known.get(run.task_id)
        if task is not None and not _ran_since(task, run):
            why = of_run(run, TroubleCode.RUNS_MISSED)
            yield Concern("missed", task, "missed", why, run.fire_time, run, action="run")


def _unsound(history: History, known: Mapping[str, Task]) -> Iterator[Concern]:
    """Yield what the record and the rules do not agree on; a hole that has its row is missed."""
    report = report_in(history.evidence.marks())
    for finding in report.findings if report is not None else ():
        task = known.get(finding.task_id)
        if task is not None and not finding.is_mended:
            why = Reason(TroubleCode.RECORD_UNSOUND, finding.text, finding.remedy)
            yield Concern("degraded", task, "record not sound", why, finding.at)


def _ran_since(task: Task, run: Run) -> bool:
    due = run.fire_time or run.created_at
    return task.last_run is not None and task.last_run.timestamp() * SECOND > due


def _late(known: Mapping[str, Task], waiting: Sequence[Run], now: Instant) -> Iterator[Concern]:
    for run in late_runs(waiting, now):
        task = known.get(run.task_id)
        if task is not None:
            text = "it waits for a free slot, or for a node that knows its task"
            why = of_run(run, TroubleCode.RUN_LATE, text)
            yield Concern("degraded", task, "late", why, run.available_at, run, action="cancel")


def _standing_still(tasks: Sequence[Task]) -> Iterator[Concern]:
    for task in tasks:
        if task.paused:
            why = reason(TroubleCode.TASK_PAUSED, task.pause_reason, task=task.id)
            yield Concern("paused", task, "paused", why, action="resume")
        elif task.status is TaskStatus.UNRESOLVED:
            why = reason(TroubleCode.TASK_UNRESOLVED, "no code of this node defines it")
            yield Concern("unresolved", task, "unresolved", why)
