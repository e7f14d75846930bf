"""The views of tasks for users: what the code defines, with what the ledger knows of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rota.core.chains.rule import AFTER
from rota.core.pauses import Pause
from rota.core.ports.history import History
from rota.core.ports.records import NO_EDITS, StoredTask
from rota.core.run import Run
from rota.core.task import JOB, PauseView, Task, TaskStatus
from rota.core.time import Instant, to_datetime
from rota.engine.planning.edits import unread_edits
from rota.engine.planning.task_registry import RegisteredTask


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; None means all."""

    text: str | None = None  # part of id, name or description, in any case
    statuses: Collection[TaskStatus] | None = None
    enabled: bool | None = None
    paused: bool | None = None
    trigger: str | None = None
    file: str | None = None  # the whole path, or the end of it
    tag: str | None = None

    def fits(self, task: Task) -> bool:
        """Return whether a task matches the filter."""
        if self.text is not None:
            words = f"{task.id}\n{task.name}\n{task.description}".casefold()
            if self.text.casefold() not in words:
                return False
        return (
            (self.statuses is None or task.status in self.statuses)
            and self.enabled in (None, task.enabled)
            and self.paused in (None, task.paused)
            and self.trigger in (None, task.trigger)
            and (self.tag is None or self.tag in task.tags)
            and (self.file is None or f"/{task.file or ''}".endswith(f"/{self.file}"))
        )


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A page of tasks and the cursor of the next, None on the last."""

    tasks: list[Task]
    next: str | None


def known_task(
    entry: RegisteredTask, last: Run | None, running: bool, stored: StoredTask | None, now: Instant
) -> Task:
    """Return the view of a task that this process knows."""
    code = entry.definition
    next_run = entry.next_run(now)
    return Task(
        id=code.id,
        name=entry.name,
        func_path=code.func_path,
        trigger=code.trigger,
        trigger_args=dict(entry.trigger_args),
        enabled=entry.enabled,
        max_retries=code.policy.max_retries,
        timeout=code.policy.timeout,
        last_run=_moment(last.started_at if last else None),
        next_run=_moment(next_run),
        status=_status(entry, running, next_run, last, now),
        timezone=code.timezone,
        paused=entry.is_paused(now),
        paused_until=_moment(entry.paused_until),
        pause_reason=stored.pause_reason if stored and entry.is_paused(now) else "",
        pauses=_pauses(stored, now) if stored else (),
        tags=entry.policy.tags,
        last_state=last.state.value if last else None,
        description=code.description,
        file=code.source.file if code.source else None,
        line=code.source.line if code.source else None,
        edits=entry.edits,
        mistake=entry.mistake,
    )


def unknown_task(stored: StoredTask, last: Run | None, now: Instant) -> Task:
    """Return the view of a task that only the ledger knows: its code is elsewhere or gone."""
    code, edits = stored.record, stored.edits
    paused = stored.paused_since is not None and (
        stored.paused_until is None or now < stored.paused_until
    )
    return Task(
        id=code.id,
        name=edits.name or code.name,
        func_path=code.func_path,
        trigger=code.trigger,
        trigger_args=dict(code.trigger_args if edits.trigger_args is None else edits.trigger_args),
        enabled=code.enabled if edits.enabled is None else edits.enabled,
        max_retries=code.policy.max_retries,
        timeout=code.policy.timeout,
        last_run=_moment(last.started_at if last else None),
        next_run=None,
        status=TaskStatus.UNRESOLVED,
        timezone=code.timezone,
        paused=paused,
        paused_until=_moment(stored.paused_until),
        pause_reason=stored.pause_reason,
        pauses=_pauses(stored, now),
        tags=stored.tags,
        last_state=last.state.value if last else None,
        description=code.description,
        file=code.file,
        line=code.line,
        edits=unread_edits(stored) if stored.edits != NO_EDITS else (),
    )


def all_tasks(entries: Iterable[RegisteredTask], history: History, now: Instant) -> list[Task]:
    """Return every task that the code or the ledger knows, by id; raises LedgerError."""
    last = history.last_runs()
    stored: Mapping[str, StoredTask] = {task.record.id: task for task in history.tasks()}
    running = {run.task_id for run in history.running()}
    known = {entry.definition.id: entry for entry in entries}
    tasks = [
        known_task(entry, last.get(id), id in running, stored.get(id), now)
        for id, entry in known.items()
    ]
    tasks += [
        unknown_task(task, last.get(id), now)
        for id, task in stored.items()
        if id not in known and task.removed_at is None
    ]
    return sorted(tasks, key=lambda task: task.id)


def page_of_tasks(
    entries: Iterable[RegisteredTask],
    history: History,
    now: Instant,
    where: TaskFilter,
    *,
    limit: int,
    after: str | None,
) -> TaskPage:
    """Return a page of the tasks that match, by id; raises LedgerError.

    Only the page's own tasks are looked up: the code is enough to decide whether the others match.
    """
    known = {entry.definition.id: entry for entry in entries}
    running = {run.task_id for run in history.running()}
    ids = [id for id in sorted({*known, *history.task_ids()}) if after is None or id > after]
    found: list[Task] = []
    for first in range(0, len(ids), limit):
        chunk = ids[first : first + limit]
        others = {id for id in chunk if id not in known}
        stored = {one.record.id: one for one in history.tasks(others)} if others else {}
        tasks = [
            known_task(known[id], None, id in running, None, now)
            if id in known
            else unknown_task(stored[id], None, now)
            for id in chunk
            if id in known or id in stored
        ]
        found += filter(where.fits, tasks)
        if len(found) > limit:  # one more: there is a next
            break
    page = found[:limit]
    return TaskPage(
        _looked_up(page, history, known, now), page[-1].id if len(found) > limit else None
    )


def _looked_up(
    tasks: Sequence[Task], history: History, known: Mapping[str, RegisteredTask], now: Instant
) -> list[Task]:
    """Return the tasks with what only the ledger knows: the last run, and why a task is paused."""
    last = history.last_runs([task.id for task in tasks])
    paused = [task.id for task in tasks if task.paused]
    held = {one.record.id: one for one in history.tasks(paused)} if paused else {}
    return [
        replace(
            task,
            last_run=_moment(last[task.id].started_at) if task.id in last else None,
            last_state=last[task.id].state.value if task.id in last else None,
            pause_reason=held[task.id].pause_reason if task.id in held else "",
            pauses=_pauses(held[task.id], now) if task.id in held else (),
            status=_after(task, last.get(task.id), known.get(task.id)),
        )
        for task in tasks
    ]


def _after(task: Task, last: Run | None, entry: RegisteredTask | None) -> TaskStatus:
    """Return the status of a task whose last run was not known when it was described."""
    if task.status is TaskStatus.MISSED and entry is not None:
        return _over(entry, last)
    return task.status


def _over(entry: RegisteredTask, last: Run | None) -> TaskStatus:
    """Return the status of a task that has no time to come. One whose date had passed long before
    it was first seen has missed it, until it is run manually.
    """
    has_run = last is not None and last.created_at >= entry.anchor
    return TaskStatus.MISSED if entry.is_late and not has_run else TaskStatus.FINISHED


def _status(
    entry: RegisteredTask, running: bool, next_run: Instant | None, last: Run | None, now: Instant
) -> TaskStatus:
    if entry.mistake:
        return TaskStatus.BROKEN
    if running:
        return TaskStatus.RUNNING
    if entry.is_paused(now):
        return TaskStatus.PAUSED
    if not entry.enabled:
        return TaskStatus.DISABLED
    if entry.definition.trigger in (JOB, AFTER):
        return TaskStatus.READY
    if next_run is None:
        return _over(entry, last)
    return TaskStatus.SCHEDULED


def pause_view(pause: Pause) -> PauseView:
    """Return a pause as people see it."""
    until = _moment(pause.until)
    return PauseView(pause.scope, to_datetime(pause.since), until, pause.reason, pause.by)


def _pauses(stored: StoredTask, now: Instant) -> tuple[PauseView, ...]:
    return tuple(pause_view(one) for one in stored.holds if one.lasts(now))


def _moment(instant: Instant | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
