"""Writes runs that were requested: jobs, each at once, after a while, or once for its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.elements import ColumnElement, CompilerElement

from rota.core.audit import Actor
from rota.core.ports.records import Enqueued, NewRun, OnConflict, PlannedRun
from rota.core.reasons import ReasonCode
from rota.core.run import WAITING, State
from rota.core.task import Overlap
from rota.core.time import Instant
from rota.errors import StateError, UnknownTaskError
from rota.ledger.schema.tables import is_running, is_waiting, run_keys, runs, tasks, word
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.ends import ended_at
from rota.ledger.sql.json_batch import Batch, incoming
from rota.ledger.sql.statement import Insert, Statement, all_of, in_each
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import chains

# --- statements ---------------------------------------------------------------------------------

_one: ColumnElement[Any] = literal_column("1")
_enqueued_in = incoming("enqueued", *mapping.ENQUEUED)
_is_registered = (
    select(_one)
    .where(tasks.c.id == bindparam("task", type_=tasks.c.id.type), tasks.c.removed_at.is_(None))
    .exists()
)
INSERT_ENQUEUED = in_each(
    lambda insert: (
        insert(runs)
        .from_select(
            [column.name for column in mapping.ENQUEUED],
            select(*_enqueued_in.c).where(_is_registered),
        )
        .on_conflict_do_nothing()
    )
)
"""Write runs (ENQUEUED) of one task; none of them if it is not registered."""

_values = {
    column.name: bindparam(f"v_{column.name}", type_=column.type) for column in mapping.ENQUEUED
}
INSERT_ONE = in_each(
    lambda insert: (
        insert(runs)
        .from_select(list(_values), select(*_values.values()).where(_is_registered))
        .on_conflict_do_nothing()
    )
)
"""Write one run, its values (ENQUEUED) each a parameter: no batch is made, nor taken apart."""

_PARAMETERS = tuple(f"v_{name}" for name in _values)

_is_active = or_(is_waiting(runs), is_running(runs))


def _take_key(insert: Insert) -> CompilerElement:
    taken = insert(run_keys).from_select(
        [column.name for column in run_keys.c],
        select(*(bindparam(column.name, type_=column.type) for column in run_keys.c)).where(true()),
    )
    goes_on = select(_one).where(runs.c.id == run_keys.c.run_id, _is_active).exists()
    written: CompilerElement = taken.on_conflict_do_update(
        index_elements=[run_keys.c.task_id, run_keys.c.key],
        set_={"run_id": taken.excluded.run_id, "until": taken.excluded.until},
        where=or_(
            run_keys.c.run_id == taken.excluded.run_id,
            and_(run_keys.c.until <= bindparam("now"), ~goes_on),
        ),
    )
    return written


TAKE_KEY = in_each(_take_key)
"""Assign a key of a task to a run, unless another run has it. The row is locked until the end: of
several callers at once, one is first."""

_is_the_key = and_(run_keys.c.task_id == bindparam("task_id"), run_keys.c.key == bindparam("key"))
HOLDER = Statement(
    all_of(
        select(run_keys.c.run_id, runs.c.state)
        .join_from(run_keys, runs, runs.c.id == run_keys.c.run_id, isouter=True)
        .where(_is_the_key)
    )
)
"""The run that has a key: id, state."""

GIVE_KEY = Statement(
    update(run_keys)
    .where(_is_the_key)
    .values(run_id=bindparam("run_id"), until=bindparam("until_then"))
)
"""Assign a key to another run."""

FORGET_KEYS = Statement(
    delete(run_keys).where(
        run_keys.c.until < bindparam("before"),
        ~select(_one).where(runs.c.id == run_keys.c.run_id, _is_active).exists(),
    )
)
"""Delete keys whose time is long over."""

_is_replaced = and_(
    runs.c.task_id == bindparam("task_id"),
    runs.c.overlap_key.is_not_distinct_from(
        bindparam("overlap_key", type_=runs.c.overlap_key.type)
    ),
)
REPLACE_WAITING = Statement(
    update(runs)
    .where(is_waiting(runs), _is_replaced)
    .values(
        state=word(State.CANCELLED),
        reason=bindparam("why"),
        reason_code=word(ReasonCode.REPLACED),
        finished_at=ended_at(bindparam("now", type_=runs.c.created_at.type)),
        checkpoint=null(),
    )
)
REPLACE_RUNNING = Statement(
    update(runs)
    .where(is_running(runs), _is_replaced, runs.c.cancel_requested.is_(None))
    .values(cancel_requested=bindparam("why"))
)
"""Cancel the waiting runs of a task with the same `overlap_key`, and request the cancellation of
its running ones.
"""

# --- the verb -----------------------------------------------------------------------------------


def enqueue(
    connection: Connection,
    new: Sequence[NewRun],
    on_conflict: OnConflict,
    key_until: Instant,
    by: Actor | None,
) -> list[Enqueued]:
    """See `Transaction.enqueue`."""
    found = [
        Enqueued(run.id) if run.key is None else _claimed(connection, run, on_conflict, key_until)
        for run in new
    ]
    made = [run for run, one in zip(new, found, strict=True) if one.is_new]
    if made:
        replacing = made[-1].overlap is Overlap.REPLACE
        ending = chains.active_of(connection, [made[-1].task_id]) if replacing else []
        _insert(connection, made)
        chains.follow(connection, ending, made[-1].created_at)
        if by is not None:
            planned = [PlannedRun(run.id, run.task_id, run.state, run.reason) for run in made]
            deeds = audit_verbs.of_runs(made, planned)
            audit_verbs.note(connection, made[0].created_at, by, deeds)
    return found


def _insert(connection: Connection, made: Sequence[NewRun]) -> None:
    last = made[-1]
    if last.overlap is Overlap.REPLACE:
        why = {"why": "replaced by a run that was enqueued", "task_id": last.task_id}
        for overlap_key in {run.overlap_key for run in made}:
            REPLACE_WAITING(connection, overlap_key=overlap_key, now=last.created_at, **why)
            REPLACE_RUNNING(connection, overlap_key=overlap_key, **why)
    if len(made) == 1:
        row = dict(zip(_PARAMETERS, mapping.enqueued_row(last), strict=True))
        row["v_exclusive"] = bool(row["v_exclusive"])  # of a batch, both read 0 and 1
        count = INSERT_ONE.count(connection, **row, task=last.task_id)
    else:
        rows = Batch(mapping.enqueued_row(run) for run in made)
        count = INSERT_ENQUEUED.count(connection, enqueued=rows, task=last.task_id)
    if not count and not sql.KNOWN_RUNS.rows(connection, keys=Batch([(last.id, "", None)])):
        raise UnknownTaskError(f"no task has the id {last.task_id!r}.")


def taken_key(run: NewRun, holder: str, state: str | None) -> StateError:
    """Return the error of a key that another run has."""
    return StateError(
        f"the key {run.key!r} of task {run.task_id!r} belongs to run {holder},"
        f" which is {state or 'pruned'}.",
        where="key",
        remedy="Give another key, or on_conflict='return' for the handle of that run.",
    )


def _claimed(
    connection: Connection, run: NewRun, on_conflict: OnConflict, until: Instant
) -> Enqueued:
    """Assign the key of a run to it; returns the run that has the key then."""
    assert run.key is not None
    key = {"task_id": run.task_id, "key": run.key}
    if TAKE_KEY.count(connection, **key, run_id=run.id, until=until, now=run.created_at):
        return Enqueued(run.id)
    ((holder, state),) = HOLDER.rows(connection, **key)
    if on_conflict is OnConflict.RETURN:
        return Enqueued(holder, is_new=False)
    if on_conflict is OnConflict.ERROR:
        raise taken_key(run, holder, state)
    if state in WAITING:
        why = f"replaced by run {run.id}, enqueued with the same key"
        end = (holder, State.CANCELLED, why, run.created_at, ReasonCode.REPLACED)
        chains.end_waiting(connection, [end])
    GIVE_KEY(connection, **key, run_id=run.id, until_then=until)
    return Enqueued(run.id)
