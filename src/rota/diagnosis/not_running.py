""" "Tasks not running": what keeps a task from being planned, or a planned run from starting."""

from __future__ import annotations

from collections.abc import Iterator

from rota.cli import formatting
from rota.core.task import Task, TaskStatus
from rota.core.time import from_datetime
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, some, warn
from rota.engine.planning.edits import in_place_of, made, moved

_LONG = 10.0  # seconds that a due run may wait


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
        return warn("mistakes in the task files", why, "`rota check` lists them all.")
    if not evidence.entries:
        where = ", ".join(evidence.config.manager.tasks_directories)
        return warn("task files", f"no task is defined in {where}.", "`rota init` makes a first.")
    return ok("configuration and task files", f"{len(evidence.entries)} tasks, no mistake.")


def _node(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    health = evidence.health
    if health["status"] == "down":
        yield warn("a node is up", some(health["reasons"]), "Run `rota up` and keep it running.")
        return
    age = health.get("tick_age")
    ticked = "" if age is None else f", its clock ticked {formatting.duration(age)} ago"
    yield ok("a node is up", f"{health.get('node')}{ticked}.")
    for reason in health["reasons"]:
        # Those are listed one by one, from the files and the tasks themselves.
        if not reason.startswith("broken task file") and " is broken: " not in reason:
            yield warn("health of the node", reason, _what_to_do(reason))


def _what_to_do(reason: str) -> str:
    if "log record" in reason:
        return "Mend the handler or filter, or take it from the logger: rota works on without it."
    if "blocked" in reason:
        return 'Await in that place, make the function a plain one, or give it executor="process".'
    if "stuck" in reason:
        return 'Look at current_run().cancelled there, or give the task executor="process".'
    if "running, max_running=" in reason or "rate=" in reason:
        return "Raise that limit, or fire less often; `queue_limit` bounds what waits."
    if "goes on, and overlap" in reason:
        return 'Wait for its end, or set overlap="allow".'
    if "knows it" in reason:
        return "Start a node whose task files define it, or cancel its runs."
    if "slots for" in reason:
        return "Raise manager.scheduler_thread_pool or manager.async_slots, or start another node."
    return "See the log of `rota up`."


def _tasks(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    quiet = 0
    for task in evidence.tasks:
        for finding in _task(task, evidence.now):
            quiet += 1
            yield finding
    if evidence.tasks and not quiet:
        yield ok("every task has a next run", f"{len(evidence.tasks)} tasks are planned.")


def _task(task: Task, now: int) -> Iterator[Diagnosis]:
    name = f"task {task.id}"
    if task.paused:
        until = f" until {formatting.clock(task.paused_until)}" if task.paused_until else ""
        why = f"it is paused{until}{f': {task.pause_reason}' if task.pause_reason else ''}."
        yield note(name, why, f"rota resume {task.id}")
    elif not task.enabled:
        yield note(name, "it is disabled.", 'Set "enabled": True, or start it with `rota run`.')
    elif task.status in (TaskStatus.FINISHED, TaskStatus.MISSED):
        if task.status is TaskStatus.MISSED:
            why = "its date had passed when it was first seen, so it did not run."
            yield warn(name, why, f"Start it with `rota run {task.id}`, or give it another date.")
        yield note(name, "its trigger never fires again.", "Give it another time.")
    elif task.status is TaskStatus.UNRESOLVED:
        why = "the ledger knows it, but no task file here defines it any more."
        yield note(name, why, "Bring its definition back, or remove it.")
    elif task.next_run and from_datetime(task.next_run) < now - 60_000_000:
        why = f"it was due at {formatting.clock(task.next_run)}."
        yield warn(name, why, "Start a node with `rota up`.")


def _edits(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look for edits that do not fit the code, or hide what it says."""
    for task in evidence.tasks:
        for edit in task.edits:
            check, remedy = f"task {task.id}", f"rota reset {task.id} {edit.key}"
            said = f"{edit.key} is edited: {in_place_of(edit)}{made(edit)}"
            if edit.mistake:
                why = f"it is broken: {said}, is not applied: {edit.mistake} It runs by its code."
                yield warn(check, why, remedy)
            elif edit.has_moved:
                why = f"the code changed beneath an edit: {moved(edit)}; {said}."
                yield warn(check, why, f"{remedy}, or edit it again.")
            else:
                yield note(check, f"{said}.", remedy)


def _waiting(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    due = evidence.health.get("oldest_due")
    if evidence.health["status"] == "down" or not due:
        return
    if due["age"] > _LONG:
        why = (
            f"{evidence.health['waiting']} runs wait,"
            f" the oldest for {formatting.duration(due['age'])};"
            f" {evidence.health['running']} are running."
        )
        if due.get("why"):
            why += f" {due['why']}."
        yield warn("runs that are due", why, _what_to_do(due.get("why") or ""))
    else:
        yield ok("runs that are due", "none has waited for long.")
