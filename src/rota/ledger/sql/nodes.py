"""Every SQL statement of nodes and of retention, named and described; see `statements`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from rota.core.catchup import ON_TIME
from rota.core.reasons import ReasonCode
from rota.core.run import WAITING, Cause, State
from rota.ledger.schema.tables import (
    attempts,
    is_living,
    is_running,
    is_waiting,
    logs,
    nodes,
    one_of,
    runs,
    steps,
    tasks,
    word,
)
from rota.ledger.sql import mapping
from rota.ledger.sql.ends import ended_at
from rota.ledger.sql.json_batch import gathered, incoming, listed
from rota.ledger.sql.statement import Statement, all_of, in_each

_now: BindParameter[Any] = bindparam("now")

# --- nodes --------------------------------------------------------------------------------------

INSERT_NODE = in_each(
    lambda insert: (
        insert(nodes)
        .values({column.name: bindparam(column.name) for column in mapping.NODE})
        .on_conflict_do_nothing()
    )
)
"""Write the row of a node that joins; repeatable, in case the answer was lost."""

BEAT = Statement(
    update(nodes)
    .where(nodes.c.id == bindparam("node_id"), nodes.c.state != word("gone"))
    .values(seen_at=_now, lease_until=bindparam("until"), info=bindparam("about"))
)
"""Renew a lease, unless the node was declared gone."""

CANCEL_REQUESTS = Statement(
    select(gathered(runs.c.id, runs.c.cancel_requested)).where(
        is_running(runs),
        runs.c.node == bindparam("node_id"),
        runs.c.cancel_requested.is_not(None),
    )
)
"""The runs of a node that are to be cancelled, and why."""

SET_NODE_STATE = Statement(
    update(nodes)
    .where(nodes.c.id == bindparam("node_id"), nodes.c.state != word("gone"))
    .values(state=bindparam("new"), seen_at=_now)
)

DRAIN = Statement(
    update(nodes)
    .where(nodes.c.id == bindparam("node_id"), nodes.c.state == bindparam("before"))
    .values(state=bindparam("new"))
)
"""Set the state of a node that has another one."""

NAME_OF = Statement(select(gathered(nodes.c.name)).where(nodes.c.id == bindparam("node_id")))

IS_DRAINING = Statement(
    select(gathered(nodes.c.id)).where(
        nodes.c.id == bindparam("node_id"), nodes.c.state == word("draining")
    )
)
"""The id of a node if it is to take no new runs."""

_seen_in = incoming("seen", nodes.c.id, nodes.c.seen_at)
DECLARE_GONE = Statement(
    update(nodes)
    .where(
        nodes.c.id == _seen_in.c.id,
        nodes.c.seen_at == _seen_in.c.seen_at,
        nodes.c.state != word("gone"),
    )
    .values(state=word("gone"))
)
"""Declare gone the nodes (id, last heartbeat) that have sent no heartbeat since."""

_orphans = select(*mapping.RUN, tasks.c.policy).join_from(
    runs, tasks, tasks.c.id == runs.c.task_id, isouter=True
)
ORPHANS = Statement(
    all_of(
        _orphans.where(
            is_running(runs),
            runs.c.node.not_in(select(nodes.c.id).where(is_living(nodes))),
        )
    )
)
"""The running runs (RUN, and their task's policy) whose node is stopped, gone or unknown, in no
order: with one, SQLite would read every run."""

_unconfirmed_in = incoming("unconfirmed", runs.c.id, runs.c.fence)
UNCONFIRMED = Statement(
    all_of(
        _orphans.join(
            _unconfirmed_in,
            and_(runs.c.id == _unconfirmed_in.c.id, runs.c.fence == _unconfirmed_in.c.fence),
        ).where(is_running(runs))
    )
)
"""Those of the runs with these ids and fences that are running (RUN, and their task's policy)."""
# --- a clock that was ahead ---------------------------------------------------------------------


def _is_ahead(instant: ColumnElement[Any]) -> ColumnElement[bool]:
    return instant.between(bindparam("ahead"), bindparam("limit"))


def _not_after_now(column: Column[Any]) -> ColumnElement[Any]:
    return case((column > _now, _now), else_=column)


_waits_since = func.coalesce(
    select(attempts.c.finished_at)
    .where(attempts.c.run_id == runs.c.id, attempts.c.number == runs.c.attempt)
    .scalar_subquery(),
    runs.c.created_at,
)
REWIND_RUNS = Statement(
    update(runs)
    .where(
        is_waiting(runs),
        _is_ahead(_waits_since),
        # That of a new occurrence counts from its own time, whenever it was written.
        or_(runs.c.attempt > literal_column("0"), runs.c.cause != word(Cause.SCHEDULE)),
    )
    .values(
        available_at=runs.c.available_at - (_waits_since - _now),
        created_at=_not_after_now(runs.c.created_at),
        started_at=_not_after_now(runs.c.started_at),
        attempt_started_at=_not_after_now(runs.c.attempt_started_at),
    )
)
"""Set the start of the wait to now for waiting runs whose wait starts in the future."""

REWIND_ATTEMPTS = Statement(
    update(attempts)
    .where(
        attempts.c.run_id.in_(select(runs.c.id).where(is_waiting(runs))),
        _is_ahead(attempts.c.finished_at),
    )
    .values(
        started_at=_not_after_now(attempts.c.started_at),
        finished_at=_now,
    )
)
"""Set the end of their attempts to now; only after REWIND_RUNS, which reads when they ended."""

FORGET_FUTURE = Statement(
    delete(runs).where(
        one_of(runs.c.state, WAITING | {State.MISSED, State.SKIPPED}),
        runs.c.id >= bindparam("made_after"),  # bounds the search
        _is_ahead(runs.c.fire_time),
        # What was skipped or missed in its time, by whatever clock, stays.
        or_(is_waiting(runs), runs.c.created_at - runs.c.fire_time > literal_column(str(ON_TIME))),
        runs.c.attempt == literal_column("0"),
    )
)
"""Delete the rows of future occurrences of which nothing was executed, and which wait or were found
late.
"""

# --- retention ----------------------------------------------------------------------------------

OLD_RUNS = Statement(
    all_of(
        select(runs.c.id)
        .where(
            runs.c.id < bindparam("made_before"),
            runs.c.finished_at < bindparam("before"),
        )
        .order_by(runs.c.id)
        .limit(bindparam("limit"))
    )
)
"""The oldest runs that ended before; they were made before then, too, which bounds the search."""

DELETE_LINES = Statement(delete(logs).where(logs.c.run_id.in_(listed("ids"))))
DELETE_ATTEMPTS = Statement(delete(attempts).where(attempts.c.run_id.in_(listed("ids"))))
DELETE_STEPS = Statement(delete(steps).where(steps.c.run_id.in_(listed("ids"))))
DELETE_RUNS = Statement(delete(runs).where(runs.c.id.in_(listed("ids"))))

DELETE_NODES = Statement(
    delete(nodes).where(~is_living(nodes), nodes.c.seen_at < bindparam("before")),
)
"""Delete dead nodes that were last seen before."""

# --- tasks that no code defines any more --------------------------------------------------------

SEE_TASKS = Statement(
    update(tasks)
    .where(tasks.c.id.in_(listed("ids")), tasks.c.seen_at <= bindparam("before"))
    .values(seen_at=_now)
)
"""Note that these tasks are known, if that was last noted then or earlier."""

UNSEEN_TASKS = Statement(select(gathered(tasks.c.id)).where(tasks.c.seen_at < bindparam("since")))
"""The ids of the tasks that were last seen before."""

MISS_WAITING_OF_TASKS = Statement(
    update(runs)
    .where(runs.c.task_id.in_(listed("ids")), is_waiting(runs))
    .values(
        state=word(State.MISSED),
        reason=bindparam("why"),
        reason_code=word(ReasonCode.FORGOTTEN),
        finished_at=ended_at(_now),
        checkpoint=null(),
    )
)
"""End the waiting runs of these tasks."""

DELETE_TASKS = Statement(delete(tasks).where(tasks.c.id.in_(listed("ids"))))

_any_task = select(func.min(tasks.c.id)).scalar_subquery()
KEEP_REVISION = Statement(
    update(tasks)
    .where(tasks.c.id == _any_task)
    .values(
        revision=bindparam("last"),
        rule_revision=case(
            (tasks.c.rule_revision == tasks.c.revision, bindparam("last")),
            else_=tasks.c.rule_revision,
        ),
    )
)
"""Give some task the last revision there was, so that every later one is higher."""
