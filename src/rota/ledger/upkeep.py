"""Every SQL statement of nodes and of retention, named and described; see `statements`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, delete, insert, or_, select, update

from rota.ledger import rows
from rota.ledger.jsonrows import gathered, incoming, listed
from rota.ledger.statement import Statement, all_of
from rota.ledger.tables import (
    attempts,
    is_living,
    is_running,
    logs,
    nodes,
    one_of,
    runs,
    steps,
    tasks,
    word,
)

_now: BindParameter[Any] = bindparam("now")

# --- nodes --------------------------------------------------------------------------------------

INSERT_NODE = Statement(
    insert(nodes).values({column.name: bindparam(column.name) for column in rows.NODE})
)

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

DECLARE_GONE = Statement(
    update(nodes)
    .where(
        one_of(nodes.c.state, frozenset({"up", "draining", "stopped"})),
        or_(
            nodes.c.id.in_(listed("ids")),
            and_(is_living(nodes), nodes.c.lease_until < _now),
        ),
    )
    .values(state=word("gone"))
)
"""Declare gone the nodes with these ids and those whose lease ran out."""

_orphans = select(*rows.RUN, tasks.c.policy).join_from(
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

_adrift_in = incoming("adrift", runs.c.id, runs.c.fence)
ADRIFT = Statement(
    all_of(
        _orphans.join(
            _adrift_in,
            and_(runs.c.id == _adrift_in.c.id, runs.c.fence == _adrift_in.c.fence),
        ).where(is_running(runs))
    )
)
"""Those of the runs with these ids and fences that are running (RUN, and their task's policy)."""

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
"""Forget dead nodes that were last seen before."""
