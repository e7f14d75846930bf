"""The audit's statements and rows: written in the transaction of the change itself, never changed
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, true
from sqlalchemy.sql.elements import ColumnElement

from rota.core.audit import KEPT, Actor, AuditFilter, AuditPage, Change, Verb
from rota.core.ids import RunIds
from rota.core.ports.records import NewRun, PlannedRun, StoredTask
from rota.core.run import Cause
from rota.core.time import Instant, to_iso
from rota.ledger.schema.tables import audit
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import Batch, encode, incoming, listed
from rota.ledger.sql.statement import Statement, all_of

_ids = RunIds()

_changes_in = incoming("changes", *mapping.CHANGE)
INSERT_CHANGES = Statement(
    insert(audit).from_select(
        [column.name for column in mapping.CHANGE], select(*_changes_in.c).where(true())
    )
)
"""Write changes (CHANGE)."""

NEWEST = Statement(select(func.max(audit.c.at)))
"""When the last change was made."""

_old = (
    select(audit.c.id)
    .where(audit.c.at < bindparam("before"))
    .order_by(audit.c.at)
    .limit(bindparam("limit"))
)
DELETE_OLD = Statement(delete(audit).where(audit.c.id.in_(_old)))
"""Delete the oldest changes that were made before."""


class AuditEntry(NamedTuple):
    """A change by a user or a program, before it is written."""

    verb: Verb
    task_id: str | None = None
    run_id: str | None = None
    reason: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def note(connection: Connection, now: Instant, by: Actor, entries: Iterable[AuditEntry]) -> None:
    """Write changes."""
    changes = [Change(_ids.new(now), now, by.face, by.name, *entry) for entry in entries]
    if changes:
        INSERT_CHANGES(connection, changes=Batch(map(mapping.change_row, changes)))


def of_task(
    verb: Verb, before: StoredTask | None, after: StoredTask, reason: str = ""
) -> AuditEntry:
    """Return the change of a task, with what differs."""
    old, new = _shown(before) if before else {}, _shown(after)
    keys = [key for key in new if before is not None and old[key] != new[key]]
    return AuditEntry(
        verb,
        task_id=after.record.id,
        reason=reason,
        before={key: old[key] for key in keys} if before else None,
        after={key: new[key] for key in keys} if before else {"func_path": after.record.func_path},
    )


def of_runs(runs: Sequence[NewRun], planned: Iterable[PlannedRun]) -> Iterable[AuditEntry]:
    """Yield which runs were started manually, and of which other runs they are retries.

    A thousand runs of a task that were started at once are one change, which names the first.
    """
    manual = {run.id: run for run in runs if run.cause is Cause.MANUAL}
    started = [manual[one.run_id] for one in planned if one.run_id in manual]
    for (task_id, reason, retry_of), alike in groupby(started, _likeness):
        first, *others = alike
        after: dict[str, Any] | None = {"retry_of": retry_of} if retry_of else None
        if others:
            after = {"runs": len(others) + 1, "last": others[-1].id}
        yield AuditEntry(Verb.RUN, task_id, first.id, reason, after=after)
        if retry_of:
            yield AuditEntry(Verb.RETRY, task_id, retry_of, reason, after={"run": first.id})


def _likeness(run: NewRun) -> tuple[str, str, str | None]:
    return run.task_id, run.reason.text, run.retry_of


def _shown(task: StoredTask) -> dict[str, Any]:
    code, edits = task.record, task.edits
    until = task.paused_until
    return {
        "name": code.name if edits.name is None else edits.name,
        "enabled": code.enabled if edits.enabled is None else edits.enabled,
        "trigger_args": code.trigger_args if edits.trigger_args is None else edits.trigger_args,
        "paused": task.paused_since is not None,
        "paused_until": None if until is None else to_iso(until),
        "skipped": [to_iso(instant) for instant in task.skipped],
        "removed": task.removed_at is not None,
    }


def prune(connection: Connection, limit: int) -> None:
    """Delete up to `limit` changes that are past their time."""
    newest = NEWEST(connection).scalar()
    if newest is not None:
        DELETE_OLD(connection, before=newest - KEPT, limit=limit)


def page(connection: Connection, where: AuditFilter, *, limit: int, after: str | None) -> AuditPage:
    """Read a page, newest first."""
    size = max(limit, 1)
    values = {name: value for name, value in _values(where, after).items() if value is not None}
    query = page_query(frozenset(values))
    found = query.rows(connection, **values, limit=size + 1)  # one more: is there a next?
    changes = [mapping.change_of(row) for row in found[:size]]
    return AuditPage(changes, changes[-1].id if len(found) > size else None)


def _values(where: AuditFilter, after: str | None) -> dict[str, Any]:
    return {
        "task_id": where.task_id,
        "run_id": where.run_id,
        "verbs": None if where.verbs is None else encode(where.verbs),
        "face": where.face,
        "who": where.who,
        "since": where.since,
        "until": where.until,
        "after": after,
    }


_TERMS: dict[str, ColumnElement[bool]] = {
    "task_id": audit.c.task_id == bindparam("task_id"),
    "run_id": audit.c.run_id == bindparam("run_id"),
    "verbs": audit.c.verb.in_(listed("verbs")),
    "face": audit.c.face == bindparam("face"),
    "who": audit.c.who == bindparam("who"),
    "since": audit.c.at >= bindparam("since"),
    "until": audit.c.at < bindparam("until"),
    "after": audit.c.id < bindparam("after"),
}


@lru_cache(maxsize=256)
def page_query(given: frozenset[str]) -> Statement:
    """Return the query of a page (CHANGE) with these filters."""
    terms = [_TERMS[name] for name in sorted(given)]
    query = select(*mapping.CHANGE).where(*terms).order_by(audit.c.id.desc())
    return Statement(all_of(query.limit(bindparam("limit"))))
