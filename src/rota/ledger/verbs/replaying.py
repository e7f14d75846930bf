"""Writes replays: runs that do occurrences of a task again, or past ones that never had a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from rota.core.audit import Actor, Verb
from rota.core.ports.records import NewRun, PlannedRun
from rota.core.run import ACTIVE, Run
from rota.core.time import Instant, to_iso
from rota.errors import UnknownTaskError
from rota.ledger.schema.tables import runs, tasks
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import Batch, incoming
from rota.ledger.sql.statement import Statement, all_of, in_each
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs.audit import AuditEntry

REPLAYED = (*mapping.NEW_RUN, runs.c.options, runs.c.replay, runs.c.replay_time)

_one: ColumnElement[Any] = literal_column("1")
_task = bindparam("task", type_=tasks.c.id.type)
_replayed_in = incoming("replayed", *REPLAYED)
INSERT_REPLAYED = in_each(
    lambda insert: (
        insert(runs)
        .from_select(
            [column.name for column in REPLAYED],
            select(*_replayed_in.c).where(
                select(_one).where(tasks.c.id == _task, tasks.c.removed_at.is_(None)).exists()
            ),
        )
        .on_conflict_do_nothing()
    )
)
"""Write replays (REPLAYED) of one task; none of them if it is not registered."""

_first_in = incoming("instants", runs.c.fire_time)
_again_in = incoming("instants", runs.c.replay_time)
FIRST_RUNS = Statement(
    all_of(
        select(*mapping.RUN).join_from(
            _first_in,
            runs,
            (runs.c.task_id == _task) & (runs.c.fire_time == _first_in.c.fire_time),
        )
    )
)
REPLAYS = Statement(
    all_of(
        select(*mapping.RUN).join_from(
            _again_in,
            runs,
            (runs.c.task_id == _task) & (runs.c.replay_time == _again_in.c.replay_time),
        )
    )
)
"""The first runs of a task's occurrences at these instants (RUN), and their replays."""


def runs_of(connection: Connection, task_id: str, instants: Collection[Instant]) -> list[Run]:
    """Return the runs of a task's occurrences: for each instant its first run, then its replays by
    their numbers."""
    batch = Batch((instant,) for instant in sorted(set(instants)))
    found = FIRST_RUNS.rows(connection, instants=batch, task=task_id)
    found += REPLAYS.rows(connection, instants=batch, task=task_id)
    return sorted(
        map(mapping.run_of, found), key=lambda run: (run.fire_time or 0, run.replay or 0, run.id)
    )


def replay(
    connection: Connection, new: Sequence[NewRun], by: Actor, reason: str
) -> list[PlannedRun]:
    """See `Transaction.replay`."""
    if not new:
        return []
    task_id, numbers, active = new[0].task_id, dict[Instant, int](), set[Instant]()
    instants = [run.replay_time for run in new if run.replay_time is not None]
    for run in runs_of(connection, task_id, instants):
        assert run.fire_time is not None
        numbers[run.fire_time] = max(numbers.get(run.fire_time, 0), run.replay or 0)
        if run.state in ACTIVE:
            active.add(run.fire_time)
    written: list[NewRun] = []
    rows: list[list[Any]] = []
    for one in new:
        instant = one.replay_time
        if instant is None or instant in active:
            continue
        active.add(instant)
        written.append(one)
        rows.append(_row(one, numbers.get(instant, 0) + 1))
    if not rows:
        return []
    if not INSERT_REPLAYED.count(connection, replayed=Batch(rows), task=task_id):
        raise UnknownTaskError(f"no task has the id {task_id!r}.")
    audit_verbs.note(connection, written[0].created_at, by, _entries(written, reason))
    return [PlannedRun(run.id, run.task_id, run.state, run.reason) for run in written]


def _row(run: NewRun, number: int) -> list[Any]:
    """Return the values of REPLAYED; `number` is that of the replay."""
    row = mapping.new_run_row(run, run.state, run.reason)
    options = mapping.to_json(run.options) if run.options else None
    return [*row, options, number, run.replay_time]


def _entries(written: Sequence[NewRun], reason: str) -> list[AuditEntry]:
    """Return what the audit says: a rerun is a change of the run that it does again as well."""
    first, last = written[0], written[-1]
    assert first.replay_time is not None
    assert last.replay_time is not None
    after: dict[str, Any] = {"runs": len(written), "first": to_iso(first.replay_time)}
    if len(written) > 1:
        after |= {"last": to_iso(last.replay_time), "last_run": last.id}
    if first.retry_of is None:
        return [AuditEntry(Verb.BACKFILL, first.task_id, first.id, reason, after=after)]
    return [
        AuditEntry(
            Verb.BACKFILL, first.task_id, first.id, reason, after={"rerun_of": first.retry_of}
        ),
        AuditEntry(Verb.RERUN, first.task_id, first.retry_of, reason, after={"run": first.id}),
    ]
