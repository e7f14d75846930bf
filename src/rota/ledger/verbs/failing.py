"""Pauses a task after so many failed runs in a row (`pause_after_failures`)."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from rota.core.audit import Actor, Verb
from rota.core.run import State
from rota.core.time import Instant
from rota.ledger.schema.tables import one_of, runs
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import encode
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import pauses

ENGINE = Actor(name="rota")

_ENDS = frozenset({State.FAILED, State.SUCCEEDED})
LAST_ENDS = Statement(
    all_of(
        select(runs.c.state, runs.c.finished_at, runs.c.reason)
        .where(runs.c.task_id == bindparam("task_id"), one_of(runs.c.state, _ENDS))
        .order_by(runs.c.id.desc())
        .limit(bindparam("limit"))
    )
)
"""The runs of a task that succeeded or failed, the newest first: state, end, reason."""


def pause_failing(connection: Connection, task_id: str, most: int, now: Instant) -> bool:
    """Pause a task if its last `most` runs failed since it was paused or off last; returns whether
    it was paused by that.
    """
    known = sql.TASKS_BY_ID.rows(connection, ids=encode([task_id]))
    if not known:
        return False
    task = mapping.task_of(known[0])
    ends = LAST_ENDS.rows(connection, task_id=task_id, limit=most)
    on_since = max((until for _, until in task.off if until is not None), default=0)
    if len(ends) < most or not all(
        state == State.FAILED and isinstance(at, int) and at >= on_since for state, at, _ in ends
    ):
        return False
    runs_failed = "the last run failed" if most == 1 else f"the last {most} runs failed"
    why = f"{runs_failed} (pause_after_failures={most}): {ends[0][2]}"[:1000]
    before, after = pauses.pause_task(connection, task_id, now, None, why, ENGINE.name)
    if after is not before:
        entry = audit_verbs.of_task(Verb.PAUSE, before, after, why)
        audit_verbs.note(connection, now, ENGINE, [entry])
    return after is not before
