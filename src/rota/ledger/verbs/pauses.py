"""Pauses tasks and resumes them: one task, the tasks with a tag, or all.

A pause by tag, or of all, has its row in `pauses`, for tasks that are registered later. Each task
that it holds has it in its own row as well, with the other pauses of the task. What they come to
together is written as the pause of the task: nodes, verification and the release before read that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, delete, select

from rota.core.audit import Actor, Verb, name_of
from rota.core.pauses import OWN, Pause, end_of, held_by, in_words, scope_of
from rota.core.ports.records import StoredTask
from rota.core.time import Instant, to_iso
from rota.errors import DefinitionError, nearest
from rota.ledger.schema.tables import pauses, tasks
from rota.ledger.sql import mapping
from rota.ledger.sql.statement import Insert, Statement, all_of, in_each
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import task_times
from rota.ledger.verbs import tasks as task_verbs

_COLUMNS = (pauses.c.scope, pauses.c.since, pauses.c.until, pauses.c.reason, pauses.c.author)

PAUSES = Statement(all_of(select(*_COLUMNS).order_by(pauses.c.scope)))
"""The pauses by tag and of all tasks: scope, since, until, reason, author."""


def _write_pause(insert: Insert) -> object:
    written = insert(pauses).values(
        {column.name: bindparam(f"p_{column.name}", type_=column.type) for column in _COLUMNS}
    )
    return written.on_conflict_do_update(
        index_elements=[pauses.c.scope],
        set_={column.name: written.excluded[column.name] for column in _COLUMNS[1:]},
    )


WRITE_PAUSE = in_each(_write_pause)  # type: ignore[arg-type]
DELETE_PAUSE = Statement(delete(pauses).where(pauses.c.scope == bindparam("scope")))

LIVING = Statement(
    all_of(select(*mapping.TASK).where(tasks.c.removed_at.is_(None)).order_by(tasks.c.id))
)
"""The tasks (TASK) that were not removed, by id."""


def group_pauses(connection: Connection, now: Instant) -> list[Pause]:
    """Return the pauses by tag and of all tasks that last."""
    found = (Pause(*row) for row in PAUSES.rows(connection))
    return [one for one in found if one.lasts(now)]


def pause_task(
    connection: Connection, task_id: str, now: Instant, until: Instant | None, reason: str, by: str
) -> task_verbs.Changed:
    """Pause a task; one that is paused already keeps since when."""
    task = task_verbs.find(connection, task_id)
    (changed,) = _changed(connection, [task], Pause(OWN, now, until, reason, by), now)
    return changed


def resume_task(
    connection: Connection, task_id: str, now: Instant, *, catch_up: bool = False
) -> task_verbs.Changed:
    """End a task's own pause; a task without one stays as it is."""
    task = task_verbs.find(connection, task_id)
    (changed,) = _ended(connection, [task], OWN, now, catch_up=catch_up)
    return changed


def pause_group(
    connection: Connection,
    tag: str | None,
    now: Instant,
    until: Instant | None,
    reason: str,
    by: Actor,
) -> int:
    """Pause the tasks with a tag, or all; see the port."""
    held = _group(connection, tag)
    wanted = Pause(scope_of(tag), now, until, reason, name_of(by))
    known = next((one for one in group_pauses(connection, now) if one.scope == wanted.scope), None)
    if known is not None:
        wanted = wanted._replace(since=known.since)
    is_new = known is None or wanted._replace(by=known.by) != known
    if is_new:
        WRITE_PAUSE(connection, **{f"p_{c.name}": v for c, v in zip(_COLUMNS, wanted, strict=True)})
        end = None if until is None else to_iso(until)
        after = {"held": held_by(wanted.scope), "tasks": len(held), "until": end}
        entry = audit_verbs.AuditEntry(Verb.PAUSE, reason=reason, after=after)
        audit_verbs.note(connection, now, by, [entry])
    _changed(connection, held, wanted, now)
    return len(held)


def resume_group(
    connection: Connection, tag: str | None, now: Instant, catch_up: bool, reason: str, by: Actor
) -> int:
    """End the pause of a tag, or of all tasks; see the port."""
    scope = scope_of(tag)
    held = [task for task in _living(connection) if any(one.scope == scope for one in task.holds)]
    if DELETE_PAUSE.count(connection, scope=scope) or held:
        before = {"held": held_by(scope), "tasks": len(held)}
        entry = audit_verbs.AuditEntry(Verb.RESUME, reason=reason, before=before)
        audit_verbs.note(connection, now, by, [entry])
    _ended(connection, held, scope, now, catch_up=catch_up)
    return len(held)


def with_groups(task: StoredTask, groups: Sequence[Pause], now: Instant) -> StoredTask:
    """Return a task with those of the pauses by tag, and of all, that hold it; it keeps its own."""
    if not groups and not task.pauses:
        return task
    own = [one for one in task.holds if one.scope == OWN]
    others = [one for one in groups if one.holds(task.tags)]
    return _with(task, [*own, *others], now)


def _group(connection: Connection, tag: str | None) -> list[StoredTask]:
    living = _living(connection)
    if tag is None:
        return living
    found = [task for task in living if tag in task.tags]
    if not found:
        known = sorted({one for task in living for one in task.tags})
        raise DefinitionError(
            f"no task has the tag {tag!r}.",
            where="tag",
            remedy=nearest(tag, known) or "Give a task the option tags=[…] first.",
        )
    return found


def _living(connection: Connection) -> list[StoredTask]:
    return [mapping.task_of(row) for row in LIVING.rows(connection)]


def _changed(
    connection: Connection, held: Iterable[StoredTask], wanted: Pause, now: Instant
) -> list[task_verbs.Changed]:
    found: list[task_verbs.Changed] = []
    for task in held:
        known = next((one for one in task.holds if one.scope == wanted.scope), None)
        new = wanted
        if known is not None and known.lasts(now):
            new = wanted._replace(since=known.since)
            if new._replace(by=known.by) == known:
                found.append((task, task))
                continue
        others = [one for one in task.holds if one.scope != wanted.scope]
        found.append((task, _with(task, [*others, new], now)))
    return task_verbs.switch_pauses(connection, found, now)


def _ended(
    connection: Connection, held: Iterable[StoredTask], scope: str, now: Instant, *, catch_up: bool
) -> list[task_verbs.Changed]:
    found: list[task_verbs.Changed] = []
    for task in held:
        left = [one for one in task.holds if one.scope != scope]
        is_held = len(left) < len(task.holds)
        after = _with(task, left, now, catch_up=catch_up) if is_held else task
        found.append((task, after))
    return task_verbs.switch_pauses(connection, found, now)


def _with(
    task: StoredTask, held: Sequence[Pause], now: Instant, *, catch_up: bool = False
) -> StoredTask:
    """Return a task that these pauses hold, those that last."""
    lasting = tuple(one for one in held if one.lasts(now))
    if lasting == task.pauses and bool(lasting) == (task.paused_since is not None):
        return task
    if not lasting:
        return replace(_unpaused(task, now, catch_up=catch_up), pauses=())
    was_paused = task.paused_since is not None and (task.paused_until or now) >= now
    before = task if was_paused else _unpaused(task, now)
    return replace(
        before,
        paused_since=before.paused_since if was_paused else now,
        paused_until=end_of(lasting),
        pause_reason=in_words(lasting),
        pauses=lasting,
    )


def _unpaused(task: StoredTask, now: Instant, *, catch_up: bool = False) -> StoredTask:
    """Return a task without its pause, which it remembers; with `catch_up` what fell into it is
    planned as after a downtime."""
    if task.paused_since is None:
        return task
    free = replace(task, paused_since=None, paused_until=None, pause_reason="")
    if catch_up:
        return replace(free, planned_until=min(task.planned_until, task.paused_since - 1))
    until = now + 1 if task.paused_until is None else min(task.paused_until, now + 1)
    return replace(free, off=task_times.kept(task, (task.paused_since, until), now))
