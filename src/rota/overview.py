"""What people see of the tasks: what the code defines, with what the ledger knows of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from rota.core.instants import Instant, to_datetime
from rota.core.ports import History, StoredTask
from rota.core.run import Run, State
from rota.core.task import Task, TaskStatus
from rota.engine.registry import Entry


def known_task(
    entry: Entry, last: Run | None, running: bool, stored: StoredTask | None, now: Instant
) -> Task:
    """Describe a task that this process knows."""
    code = entry.definition
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
        next_run=_moment(entry.next_run(now)),
        status=_status(entry, running, now),
        timezone=code.timezone,
        paused=entry.is_paused(now),
        paused_until=_moment(entry.paused_until),
        pause_reason=stored.pause_reason if stored and entry.is_paused(now) else "",
        last_state=last.state.value if last else None,
        description=code.description,
        file=code.source.file if code.source else None,
        line=code.source.line if code.source else None,
    )


def unknown_task(stored: StoredTask, last: Run | None, now: Instant) -> Task:
    """Describe a task that only the ledger knows: its code is elsewhere or gone."""
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
        last_state=last.state.value if last else None,
        description=code.description,
        file=code.file,
        line=code.line,
    )


def all_tasks(entries: Iterable[Entry], history: History, now: Instant) -> list[Task]:
    """Describe every task that the code or the ledger knows, by id; raises LedgerError."""
    last = history.last_runs()
    stored: Mapping[str, StoredTask] = {task.record.id: task for task in history.tasks()}
    running = {run.task_id for run in history.active() if run.state is State.RUNNING}
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


def _status(entry: Entry, running: bool, now: Instant) -> TaskStatus:
    if running:
        return TaskStatus.RUNNING
    if entry.is_paused(now):
        return TaskStatus.PAUSED
    if not entry.enabled:
        return TaskStatus.DISABLED
    return TaskStatus.FINISHED if entry.next_run(now) is None else TaskStatus.SCHEDULED


def _moment(instant: Instant | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
