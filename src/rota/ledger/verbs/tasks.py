"""What is stored of the tasks: what the code says, the edits on top of it, and the state of
planning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from rota import triggers
from rota.core.audit import Actor
from rota.core.ports.records import (
    EDITABLE,
    NO_EDITS,
    EditNote,
    Edits,
    StoredTask,
    TaskRecord,
)
from rota.core.reasons import ReasonCode
from rota.core.time import DAY, Instant, to_iso
from rota.core.trigger import LEAD
from rota.errors import StateError, UnknownTaskError, nearest
from rota.ledger.sql import mapping, nodes, verification, verified_rows
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch, encode
from rota.ledger.verbs import task_times

REMOVED = "its task was removed"
"""Why what waits of a removed task is cancelled."""

PAUSED = "its task was paused before its time"
DISABLED = "its task was disabled before its time"
"""Why a run is cancelled that was written ahead of its instant."""

MOST_SKIPPED = 100
"""Occurrences of a task that may be skipped before their time."""

Changed = tuple[StoredTask, StoredTask]
"""A task before and after; the same one twice if there was nothing to change."""


def register(
    connection: Connection,
    tasks: Sequence[TaskRecord],
    now: Instant,
    held: Callable[[StoredTask], StoredTask],
) -> dict[str, StoredTask]:
    """Store what the code defines; see the port. `held` returns a task with the pauses by tag, and
    of all tasks, that hold it.
    """
    ids = encode([record.id for record in tasks])
    known = {row[0]: row for row in sql.TASKS_BY_ID.rows(connection, ids=ids)}
    revision = _next_revision(connection)
    result: dict[str, StoredTask] = {}
    changed: list[Changed] = []
    for record in tasks:
        row = known.get(record.id)
        if row is None:
            task = held(_new(record, now, revision))
            changed.append((task, task))
        else:
            stored = mapping.task_of(row)
            is_same = row[: len(mapping.RECORD)] == mapping.record_row(record)
            is_same &= stored.record.dst == record.dst and stored.rule_since is not None
            task = _again(stored, record, is_same, now, revision)
            if (again := held(task)) is not task:
                task = replace(again, revision=revision)
            if task is not stored:
                changed.append((stored, task))
        result[record.id] = task
    result |= {task.record.id: task for task in _write(connection, changed, now)}
    found = verified_rows.with_former(connection, list(result.values()))
    return {task.record.id: task for task in found}


def _new(record: TaskRecord, now: Instant, revision: int) -> StoredTask:
    return StoredTask(
        record=record,
        anchor=now,
        planned_until=task_times.seen_first(record, record.trigger_args, now)
        if record.enabled
        else now,
        edits=Edits(),
        paused_since=None,
        paused_until=None,
        pause_reason="",
        seen_at=now,
        removed_at=None,
        revision=revision,
        rule_since=now,
        off=() if record.enabled else ((now + 1, None),),
    )


def _again(
    stored: StoredTask, record: TaskRecord, is_same: bool, now: Instant, revision: int
) -> StoredTask:
    if is_same and stored.removed_at is None:
        # `seen_at` is right to the day only: the start of many unchanged tasks writes nothing.
        return stored if now - stored.seen_at < DAY else replace(stored, seen_at=now)
    was = stored if stored.removed_at is None else _unedited(stored)
    task = replace(was, record=record, seen_at=now, removed_at=None, revision=revision)
    if stored.removed_at is not None and triggers.is_single(
        record.trigger, record.trigger_args
    ):  # a removed task that is added again is a new one
        return task_times.at_other_times(replace(task, off=(), anchor=now), now)
    if task_times.has_other_times(record, stored.record):
        task = task_times.at_other_times(task_times.seen_now(task, now), now)
    return task_times.switched(stored, task, now)


def switch_pauses(
    connection: Connection, changes: Sequence[Changed], now: Instant
) -> list[Changed]:
    """Write tasks whose pauses changed, and cancel or restore what was written ahead of its time;
    a task that is its own `before` stays as it is."""
    for before, after in changes:
        if after is not before:
            if after.paused_since is not None:
                until, code = after.paused_until, ReasonCode.PAUSED
                _cancel_early(connection, after.record.id, now, until, PAUSED, code)
            _restore_early(connection, after, now)
    revision = _next_revision(connection)
    changed = [
        (before, replace(after, revision=revision))
        for before, after in changes
        if after is not before
    ]
    written = {task.record.id: task for task in _write(connection, changed, now)}
    return [(before, written.get(before.record.id, before)) for before, _ in changes]


def skip(connection: Connection, task_id: str, instant: Instant, now: Instant) -> Changed:
    """Mark one more future occurrence as skipped."""
    task = find(connection, task_id)
    to_come = [one for one in task.skipped if one > now]
    if len(to_come) >= MOST_SKIPPED:
        raise StateError(
            f"{len(to_come)} occurrences of {task_id!r} that are yet to come are skipped already.",
            remedy="Pause the task instead.",
        )
    return _change(connection, task, replace(task, skipped=(*to_come, instant)), now)


def _unedited(task: StoredTask) -> StoredTask:
    """Return a task without its edits: a removed task is not the one that is added later."""
    note = task.edited.get("trigger_args")
    anchor = task.anchor if note is None or note.anchor is None else note.anchor
    return replace(task, edits=NO_EDITS, edited={}, skipped=(), anchor=anchor)


def edit(
    connection: Connection,
    task_id: str,
    edits: Edits,
    now: Instant,
    reset: Collection[str],
    reason: str,
    by: Actor,
) -> Changed:
    """Apply more edits on top of what the code says, and undo those of `reset`; None leaves an
    option as it is.
    """
    task = find(connection, task_id)
    given, before = edits.given(), task.edits.given()
    notes = dict(task.edited)
    for key in given:
        notes[key] = _note(task, key, key in before, now, reason, by)
    values = {key: value for key, value in {**before, **given}.items() if key not in reset}
    own = {key: values.pop(key) for key in EDITABLE if key in values}
    edited = replace(
        task,
        edits=Edits(**own, other=values),
        edited={key: note for key, note in notes.items() if key not in reset},
    )
    if task_times.times(edited) != task_times.times(task):
        anchor = None
        if edited.edits.trigger_args is None and "trigger_args" in notes:
            anchor = notes["trigger_args"].anchor  # as if it had never been edited
        edited = task_times.at_other_times(
            replace(edited, anchor=now if anchor is None else anchor), now
        )
    if not task_times.is_on(edited):
        _cancel_early(connection, task_id, now, None, DISABLED, ReasonCode.DISABLED)
    elif not task_times.is_on(task):
        _restore_early(connection, edited, now)
    return _change(connection, task, task_times.switched(task, edited, now), now)


def _cancel_early(
    connection: Connection,
    task_id: str,
    now: Instant,
    until: Instant | None,
    why: str,
    code: ReasonCode,
) -> None:
    """Cancel what was written for instants up to `until` further ahead than the usual lead: that
    happens to a crowd. A run within that lead is as good as begun.
    """
    sql.CANCEL_EARLY(
        connection,
        task_id=task_id,
        after=now + LEAD,
        until=sys.maxsize if until is None else until,
        why=why,
        code=code,
        now=now,
    )


def _restore_early(connection: Connection, task: StoredTask, now: Instant) -> None:
    """Re-queue what `_cancel_early` cancelled, if the task is on again by its instant."""
    if not task_times.is_on(task) or (task.paused_since is not None and task.paused_until is None):
        return
    after = now if task.paused_until is None else max(now, task.paused_until - 1)
    sql.RESTORE_EARLY(connection, task_id=task.record.id, after=after)


def _note(
    task: StoredTask, key: str, again: bool, now: Instant, reason: str, by: Actor
) -> EditNote:
    """Return the note for an edit: its author, and what it replaces; `again`: not the first one."""
    who = by.name or by.face.value
    if key != "trigger_args":
        return EditNote(getattr(task.record, key), now, who, reason)
    last = task.edited.get(key)
    anchor = task.anchor if not again else last.anchor if last else None
    return EditNote(
        task.record.trigger_args, now, who, reason, schedule=task.record.schedule, anchor=anchor
    )


def remove(connection: Connection, task_id: str, now: Instant) -> Changed:
    """Mark a task removed and cancel its waiting runs."""
    task = find(connection, task_id)
    if task.removed_at is not None:
        return task, task
    code = ReasonCode.REMOVED
    sql.CANCEL_WAITING_OF_TASK(connection, task_id=task_id, why=REMOVED, code=code, now=now)
    return _change(
        connection, task, task_times.switched(task, replace(task, removed_at=now), now), now
    )


def seen(connection: Connection, task_ids: Collection[str], now: Instant) -> None:
    """Note that a node knows these tasks."""
    nodes.SEE_TASKS(connection, ids=encode(task_ids), now=now, before=now - DAY)


def forget(connection: Connection, unseen_since: Instant, now: Instant) -> list[str]:
    """Delete the tasks that no node has known since; their waiting runs are missed."""
    gone: list[str] = sorted(nodes.UNSEEN_TASKS.rows(connection, since=unseen_since))
    if gone:
        ids = encode(gone)
        why = f"no node has known its task since {to_iso(unseen_since)}"
        nodes.MISS_WAITING_OF_TASKS(connection, ids=ids, why=why, now=now)
        last = _last_revision(connection)
        verification.KEEP_RULES(connection, ids=ids, now=now)
        nodes.DELETE_TASKS(connection, ids=ids)
        if _last_revision(connection) < last:  # nodes read what is newer than what they know
            nodes.KEEP_REVISION(connection, last=last)
    return gone


def find(connection: Connection, task_id: str) -> StoredTask:
    """Return a task; raises UnknownTaskError with the nearest known id."""
    found = sql.TASKS_BY_ID.rows(connection, ids=encode([task_id]))
    if found:
        return mapping.task_of(found[0])
    known = sql.TASK_IDS.rows(connection)
    raise UnknownTaskError(
        f"No task has the id {task_id!r}.",
        remedy=nearest(task_id, known) or "The ledger knows no task yet.",
    )


def _change(connection: Connection, before: StoredTask, task: StoredTask, now: Instant) -> Changed:
    changed = replace(task, revision=_next_revision(connection))
    (after,) = _write(connection, [(before, changed)], now)
    return before, after


def _next_revision(connection: Connection) -> int:
    return _last_revision(connection) + 1


def _last_revision(connection: Connection) -> int:
    return int(sql.LAST_REVISION(connection).scalar_one())


def _write(connection: Connection, changes: Iterable[Changed], now: Instant) -> list[StoredTask]:
    """Write tasks, keep the rules of their occurrences before, and return them as written; a new
    task is its own `before`.
    """
    written: list[StoredTask] = []
    kept: list[str] = []
    for before, after in changes:
        is_new = before is after
        if not is_new and (after.rule_since is None or rule_of(before) != rule_of(after)):
            kept.append(after.record.id)
            after = replace(after, rule_since=now)
        written.append(after)
    if kept:
        verification.KEEP_RULES(connection, ids=encode(kept), now=now)
    if written:
        sql.WRITE_TASKS(connection, written=Batch(map(mapping.task_row, written)))
    return written


def rule_of(task: StoredTask) -> tuple[object, ...]:
    """Return everything that decides which occurrences a task has."""
    return (
        task.record.schedule,
        task.record.enabled,
        task.edits.enabled,
        task.anchor,
        task.paused_since,
        task.paused_until,
        task.removed_at,
        task.skipped,
        task.edits.trigger_args and mapping.to_json(task.edits.trigger_args),
    )
