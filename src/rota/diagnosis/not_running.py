""" "Tasks not running": what keeps a task from being planned, or a planned run from starting."""

from __future__ import annotations

from collections.abc import Iterator

from rota.core import time_text
from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.task import Task, TaskStatus
from rota.core.time import from_datetime, seconds
from rota.definitions.edits import in_place_of, made, moved
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, some, warn
from rota.diagnosis.health import code, reasons_of
from rota.diagnosis.waits import limit_of

_LISTED = frozenset({TroubleCode.FILE_BROKEN, TroubleCode.TASK_BROKEN})
"""What of a node's health is listed one by one, from the files and the tasks themselves."""


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look at files, nodes, tasks and what waits."""
    yield _files(evidence)
    yield from _node(evidence)
    if evidence.ledger_trouble is None:
        yield from _tasks(evidence)
        yield from _edits(evidence)
    yield from _waiting(evidence)


def _files(evidence: ProjectEvidence) -> Diagnosis:
    if evidence.mistakes:
        first = evidence.mistakes[0]
        place = f"{first.file}:{first.line}" if first.line else first.file
        why = f"{len(evidence.mistakes)} found, the first in {place}: {first.what}"
        return warn("mistakes in the task files", reason(TroubleCode.FILE_MISTAKES, why))
    if not evidence.entries:
        where = ", ".join(evidence.config.manager.tasks_directories)
        return warn("task files", reason(TroubleCode.NO_TASKS, f"no task is defined in {where}."))
    return ok("configuration and task files", f"{len(evidence.entries)} tasks, no mistake.")


def _node(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    health = evidence.health
    if health["status"] == "down":
        yield warn("a node is up", reason(TroubleCode.NODE_DOWN, some(health["reasons"])))
        return
    age = health.get("tick_age")
    ticked = "" if age is None else f", its clock ticked {time_text.duration(age)} ago"
    yield ok("a node is up", f"{health.get('node')}{ticked}.")
    for one in reasons_of(health):
        if one.code not in _LISTED:
            yield warn("health of the node", one)


def _tasks(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    quiet = 0
    for task in evidence.tasks:
        for finding in _task(task, evidence.now):
            quiet += 1
            yield finding
    if evidence.tasks and not quiet:
        yield ok("every task has a next run", f"{len(evidence.tasks)} tasks are planned.")


def _task(task: Task, now: int) -> Iterator[Diagnosis]:
    name, overdue = f"task {task.id}", now - seconds(thresholds.PLAN_LATE)
    if task.paused:
        until = f" until {time_text.clock(task.paused_until)}" if task.paused_until else ""
        why = f"it is paused{until}{f': {task.pause_reason}' if task.pause_reason else ''}."
        yield note(name, reason(TroubleCode.TASK_PAUSED, why, task=task.id))
    elif not task.enabled:
        yield note(name, reason(TroubleCode.TASK_DISABLED, "it is disabled."))
    elif task.status in (TaskStatus.FINISHED, TaskStatus.MISSED):
        if task.status is TaskStatus.MISSED:
            why = "its date had passed when it was first seen, so it did not run."
            yield warn(name, reason(TroubleCode.TASK_PASSED, why, task=task.id))
        yield note(name, reason(TroubleCode.TASK_FINISHED, "its trigger never fires again."))
    elif task.status is TaskStatus.UNRESOLVED:
        yield note(name, unresolved("the ledger knows it, but no task file here defines it."))
    elif task.next_run and from_datetime(task.next_run) < overdue:
        why = f"it was due at {time_text.clock(task.next_run)}."
        yield warn(name, reason(TroubleCode.TASK_OVERDUE, why))


def unresolved(text: str) -> Reason:
    """Return the trouble with a task that no code defines."""
    return reason(TroubleCode.TASK_UNRESOLVED, text)


def _edits(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look for edits that do not fit the code, or hide what it says."""
    for task in evidence.tasks:
        for edit in task.edits:
            check, names = f"task {task.id}", {"task": task.id, "key": edit.key}
            said = f"{edit.key} is edited: {in_place_of(edit)}{made(edit)}"
            if edit.mistake:
                why = f"it is broken: {said}, is not applied: {edit.mistake} It runs by its code."
                yield warn(check, reason(TroubleCode.EDIT_BROKEN, why, **names))
            elif edit.has_moved:
                why = f"the code below an edit changed: {moved(edit)}; {said}."
                yield warn(check, reason(TroubleCode.EDIT_MOVED, why, **names))
            else:
                yield note(check, reason(TroubleCode.EDITED, f"{said}.", **names))


def _waiting(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    due = evidence.health.get("oldest_due")
    if evidence.health["status"] == "down" or not due:
        return
    why = code(due.get("code"))
    if due["age"] <= limit_of(why):
        yield ok("runs that are due", "none has waited for long.")
        return
    text = (
        f"{evidence.health['waiting']} runs wait,"
        f" the oldest for {time_text.duration(due['age'])};"
        f" {evidence.health['running']} are running."
    )
    text += f" {due['why']}." if due.get("why") else ""
    yield warn("runs that are due", reason(why, text))
