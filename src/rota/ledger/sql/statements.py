"""The SQL statements of the writing verbs, named and described: tasks, planning, claiming.

Those of attempts and of what they say are in `attempts`, those of nodes and of retention in
`nodes`, those of history in `queries`, those that find what may be claimed in `verbs.claiming`.

Batches travel as JSON, see `json_batch`. Which columns a batch has, and in which order, says the
name in brackets: (TASK) is the list of that name in `mapping`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.elements import ColumnElement, CompilerElement

from rota.core.outcome import OutcomeKind
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.ledger.schema.tables import (
    attempts,
    is_living,
    is_running,
    is_waiting,
    nodes,
    runs,
    steps,
    tasks,
    word,
)
from rota.ledger.sql import mapping
from rota.ledger.sql.ends import ended_at
from rota.ledger.sql.json_batch import gathered, incoming, listed
from rota.ledger.sql.soundness import LARGEST, LATEST
from rota.ledger.sql.statement import Insert, Statement, all_of, in_each

_id: BindParameter[Any] = bindparam("id")
_now: BindParameter[Any] = bindparam("now")

# --- several nodes -----------------------------------------------------------------------------

TAKE_TURN = Statement(text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))"))
"""Wait until no other node is planning, reaping or changing tasks (PostgreSQL only)."""

SAVEPOINT = Statement(text("SAVEPOINT settling"))
ROLLBACK_TO = Statement(text("ROLLBACK TO SAVEPOINT settling"))
RELEASE = Statement(text("RELEASE SAVEPOINT settling"))

# --- tasks --------------------------------------------------------------------------------------

TASKS_BY_ID = Statement(
    all_of(select(*mapping.TASK).where(tasks.c.id.in_(listed("ids"))).order_by(tasks.c.id))
)
"""The tasks with these ids (TASK), by id."""

LAST_REVISION = Statement(
    select(func.coalesce(func.max(tasks.c.revision), literal_column("0"))).where(
        tasks.c.revision < literal_column(str(LARGEST))
    )
)
"""The latest revision of any task; a damaged one, or a text, is greater than all."""

TASK_IDS = Statement(select(gathered(tasks.c.id)))
"""The ids of all tasks."""

_tasks_in = incoming("written", *mapping.TASK)


def _write_tasks(insert: Insert) -> CompilerElement:
    written = insert(tasks).from_select(
        [column.name for column in mapping.TASK], select(*_tasks_in.c).where(true())
    )
    others = {c.name: written.excluded[c.name] for c in mapping.TASK if c is not tasks.c.id}
    update_: CompilerElement = written.on_conflict_do_update(
        index_elements=[tasks.c.id], set_=others
    )
    return update_


WRITE_TASKS = in_each(_write_tasks)
"""Insert tasks, or replace what is stored of them."""

_planned_in = incoming("planned_until", tasks.c.id, tasks.c.planned_until)
MOVE_PLANNED_UNTIL = Statement(
    update(tasks)
    .where(
        tasks.c.id == _planned_in.c.id,
        or_(
            tasks.c.planned_until < _planned_in.c.planned_until,
            tasks.c.planned_until > literal_column(str(LATEST)),  # a damaged one: no such time
        ),
    )
    .values(planned_until=_planned_in.c.planned_until)
)
"""Move `planned_until` forward, never back."""

REWIND_PLANNED_UNTIL = Statement(
    update(tasks)
    .where(tasks.c.planned_until.between(bindparam("ahead"), bindparam("limit")))
    .values(planned_until=_now)
)
"""Move a `planned_until` that lies in the future back."""

# --- planning -----------------------------------------------------------------------------------

_keys_in = incoming("keys", runs.c.id, runs.c.task_id, runs.c.fire_time)
_same_id = select(runs.c.id).where(runs.c.id == _keys_in.c.id).scalar_subquery()
_same_occurrence = (
    select(runs.c.id)
    .where(runs.c.task_id == _keys_in.c.task_id, runs.c.fire_time == _keys_in.c.fire_time)
    .scalar_subquery()
)
KNOWN_RUNS = Statement(
    select(gathered(_keys_in.c.id)).where(or_(_same_id.is_not(None), _same_occurrence.is_not(None)))
)
"""Which of the new runs (id, task, fire time) have a row already, by id or by occurrence. Looked up
one by one: if all are of one task, SQLite would join each row of that task with each of these; and
for an `EXISTS`, PostgreSQL would rather read all runs into a table of hashes.
"""

_node_name = func.coalesce(nodes.c.name, runs.c.node).label("node")
_is_crash = and_(attempts.c.run_id == runs.c.id, attempts.c.outcome == word(OutcomeKind.CRASHED))
_crashed_at = select(func.max(attempts.c.finished_at)).where(_is_crash).scalar_subquery()
_ACTIVE = (
    *(runs.c.id, runs.c.task_id, runs.c.state, runs.c.fire_time, _node_name),
    *(runs.c.reason_code, runs.c.awaits, runs.c.node.label("node_id")),
    case((runs.c.crashes > literal_column("0"), _crashed_at)).label("crashed_at"),
    runs.c.overlap_key,
)
_active_of_tasks = union_all(
    *(
        select(*_ACTIVE)
        .join_from(runs, nodes, nodes.c.id == runs.c.node, isouter=True)
        .where(runs.c.task_id.in_(listed("task_ids")), condition)
        for condition in (is_waiting(runs), is_running(runs))
    )
).subquery()
ACTIVE_OF_TASKS = Statement(select(gathered(*_active_of_tasks.c)))
"""The runs of these tasks that have not ended: id, task, state, fire time, node, reason code, the
run that it awaits a verdict on, node id, when its last crash was noticed, overlap key."""

_runs_in = incoming("planned", *mapping.NEW_RUN)
INSERT_RUNS = in_each(
    lambda insert: (
        insert(runs)
        .from_select([column.name for column in mapping.NEW_RUN], select(*_runs_in.c).where(true()))
        .on_conflict_do_nothing()
    )
)
"""Write new runs (NEW_RUN); the unique key decides which insert wins."""

_living_node: Select[Any] = select(literal_column("1").label("one")).where(
    nodes.c.id == bindparam("node"), is_living(nodes)
)

LIVING_NODES = Statement(
    select(gathered(nodes.c.id)).where(nodes.c.id.in_(listed("ids")), is_living(nodes))
)
"""Which of these nodes live."""

_moved_in = incoming("moved", runs.c.id, runs.c.nominal_time)
SET_NOMINAL = Statement(
    update(runs).where(runs.c.id == _moved_in.c.id).values(nominal_time=_moved_in.c.nominal_time)
)
"""Note the instants that rules name for runs that a calendar moved: id, instant."""

_named_in = incoming("named", runs.c.id, runs.c.upstream)
NOTE_UPSTREAM = Statement(
    update(runs).where(runs.c.id == _named_in.c.id).values(upstream=_named_in.c.upstream)
)
"""Note which upstream runs named new runs: id, JSON."""

_started_in = incoming("started", *mapping.NEW_RUN)
_one: ColumnElement[Any] = literal_column("1")
_starts_at = case(
    (_started_in.c.available_at > _started_in.c.created_at, _started_in.c.available_at),
    else_=_started_in.c.created_at,
)
INSERT_STARTED = in_each(
    lambda insert: (
        insert(runs)
        .from_select(
            [
                *(column.name for column in mapping.NEW_RUN),
                *("node", "attempt", "fence", "started_at", "attempt_started_at"),
            ],
            select(
                *_started_in.c,
                *(bindparam("node", type_=runs.c.node.type), _one, _one),
                *(_starts_at, _starts_at),
            ).where(_living_node.exists()),
        )
        .on_conflict_do_nothing()
    )
)
"""Write new runs (NEW_RUN) that are a node's own from the start, for a first attempt as soon as
they are available; none of them if that node is gone."""

_offered_in = incoming("offered", *mapping.NEW_RUN)
INSERT_OFFERED = in_each(
    lambda insert: (
        insert(runs)
        .from_select(
            [*(column.name for column in mapping.NEW_RUN), "published_at"],
            select(*_offered_in.c, bindparam("at", type_=runs.c.published_at.type)).where(true()),
        )
        .on_conflict_do_nothing()
    )
)
"""Write new runs (NEW_RUN) that a broker is given in this transaction."""

_ends_in = incoming(
    "ends", runs.c.id, runs.c.state, runs.c.reason, runs.c.finished_at, runs.c.reason_code
)
END_WAITING = Statement(
    update(runs)
    .where(runs.c.id == _ends_in.c.id, is_waiting(runs))
    .values(
        state=_ends_in.c.state,
        reason=_ends_in.c.reason,
        finished_at=ended_at(_ends_in.c.finished_at),
        reason_code=_ends_in.c.reason_code,
        checkpoint=null(),
    )
)
"""End runs that wait: id, final state, reason, time, code of the reason."""

LOCKED_RUN = Statement(all_of(select(*mapping.RUN).where(runs.c.id == _id).with_for_update()))
"""A run (RUN) that no other transaction changes until the end of this one."""

_asks_in = incoming("asks", runs.c.id, runs.c.cancel_requested)
ASK_TO_CANCEL = Statement(
    update(runs)
    .where(runs.c.id == _asks_in.c.id, is_running(runs), runs.c.cancel_requested.is_(None))
    .values(cancel_requested=_asks_in.c.cancel_requested)
)
"""Request the cancellation of running runs: id, reason; the first request stays."""

_cancelled = {
    "state": word(State.CANCELLED),
    "reason": bindparam("why"),
    "reason_code": bindparam("code"),
    "finished_at": ended_at(_now),
    "checkpoint": null(),
}
CANCEL_WAITING_OF_TASK = Statement(
    update(runs)
    .where(runs.c.task_id == bindparam("task_id"), is_waiting(runs))
    .values(**_cancelled)
)
"""Cancel every run of a task that waits."""

CANCEL_EARLY = Statement(
    update(runs)
    .where(
        runs.c.task_id == bindparam("task_id"),
        is_waiting(runs),
        runs.c.fire_time > bindparam("after"),
        runs.c.fire_time < bindparam("until"),
    )
    .values(**_cancelled)
)
"""Cancel the waiting runs of a task whose instants lie between `after` and `until`."""

RESTORE_EARLY = Statement(
    update(runs)
    .where(
        runs.c.task_id == bindparam("task_id"),
        runs.c.state == word(State.CANCELLED),
        or_(
            runs.c.reason_code == word(ReasonCode.PAUSED),
            runs.c.reason_code == word(ReasonCode.DISABLED),
        ),
        runs.c.attempt == literal_column("0"),
        runs.c.fire_time > bindparam("after"),
    )
    .values(state=word(State.QUEUED), reason=word(""), reason_code=null(), finished_at=null())
)
"""Re-queue the runs of a task that CANCEL_EARLY cancelled, with instants after `after`."""

CANCEL_UNWANTED = Statement(
    update(runs)
    .where(
        runs.c.id.in_(listed("ids")),
        is_waiting(runs),
        or_(
            runs.c.cancel_requested.is_not(None),
            runs.c.task_id.in_(select(tasks.c.id).where(tasks.c.removed_at.is_not(None))),
        ),
    )
    .values(
        **_cancelled
        | {
            "reason": func.coalesce(runs.c.cancel_requested, bindparam("why")),
            "reason_code": case(
                (runs.c.cancel_requested.is_not(None), word(ReasonCode.CANCELLED)),
                else_=bindparam("code"),
            ),
        }
    )
)
"""Cancel those of these runs that wait and whose cancellation was requested, or whose task was
removed.
"""

# --- claiming -----------------------------------------------------------------------------------


_not_early = case((runs.c.available_at > _now, runs.c.available_at), else_=_now)


def _take(node_lives: ColumnElement[bool]) -> CompilerElement:
    return (
        update(runs)
        .where(runs.c.id.in_(listed("ids")), is_waiting(runs), node_lives)
        .values(
            state=word(State.RUNNING),
            node=bindparam("node"),
            attempt=runs.c.attempt + literal_column("1"),
            fence=runs.c.fence + literal_column("1"),
            started_at=func.coalesce(runs.c.started_at, _not_early),
            attempt_started_at=_not_early,
            cancel_requested=null(),
            published_at=null(),
        )
    )


# Its row is locked until the end: no node declares it gone between this look and the commit.
_kept_node = _living_node.with_for_update(read=True).cte("kept_node")
TAKE = Statement(_take(_living_node.exists()), postgresql=_take(select(_kept_node.c.one).exists()))
"""Assign waiting runs to a node, for one attempt; none of them if that node is gone."""

STEPS_OF = Statement(
    all_of(
        select(steps.c.run_id, steps.c.key, steps.c.value).where(steps.c.run_id.in_(listed("ids")))
    )
)
"""The steps of these runs that are done: run, key, value."""
