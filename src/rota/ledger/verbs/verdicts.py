"""Judges occurrences that were blocked by a run on a node not known to live, once that is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    case,
    func,
    literal_column,
    null,
    select,
    update,
)

from rota.core.outcome import OutcomeKind
from rota.core.overlap import ActiveRun, BlockerState, Undecided, decide_waiting
from rota.core.ports.records import NodeRecord
from rota.core.run import FINAL, State
from rota.core.task import Policy
from rota.core.time import HOUR, Instant
from rota.ledger.schema.tables import (
    attempts,
    is_living,
    is_undecided,
    is_waiting,
    nodes,
    runs,
    tasks,
    word,
)
from rota.ledger.sql import mapping
from rota.ledger.sql.ends import ended_at
from rota.ledger.sql.json_batch import Batch, Row, encode, incoming, listed
from rota.ledger.sql.statement import Statement, all_of

_Turn = tuple[str, str | None]
"""A task and an overlap key: its runs with that key take turns."""

LONGEST: Instant = HOUR
"""After so long it takes its turn without a verdict: only a node of an older release gives none."""

NODES_BY_ID = Statement(
    all_of(select(*mapping.NODE).where(nodes.c.id.in_(listed("ids")), is_living(nodes)))
)
"""Those of these nodes (NODE) that have not left and were not declared gone."""

_awaits_in = incoming("awaiting", runs.c.id, runs.c.awaits)
AWAIT = Statement(
    update(runs)
    .where(runs.c.id == _awaits_in.c.id)
    .values(
        awaits=_awaits_in.c.awaits,
        available_at=runs.c.available_at + literal_column(str(LONGEST)),
    )
)
"""Mark new runs as waiting for the verdict on another run: id, id of that run."""

_before = runs.alias("before")
_crashed = (
    select(literal_column("1"))
    .where(
        attempts.c.run_id == runs.c.awaits,
        attempts.c.outcome == word(OutcomeKind.CRASHED),
        # An occurrence may be planned after the crash was noticed, and still be older than it.
        attempts.c.finished_at >= func.coalesce(runs.c.fire_time, runs.c.created_at),
    )
    .exists()
)
_UNDECIDED = (
    runs.c.task_id,
    runs.c.id,
    runs.c.fire_time,
    runs.c.awaits,
    _before.c.state,
    _before.c.fire_time.label("before_fire_time"),
    _before.c.finished_at,
    func.coalesce(nodes.c.name, _before.c.node).label("node"),
    case((is_living(nodes), nodes.c.seen_at)).label("heard_at"),
    case((_crashed, literal_column("1")), else_=literal_column("0")).label("crashed"),
    runs.c.overlap_key,
    tasks.c.policy,
)
_undecided: Select[Any] = (
    select(*_UNDECIDED)
    .select_from(runs)
    .join(_before, _before.c.id == runs.c.awaits, isouter=True)
    .join(nodes, nodes.c.id == _before.c.node, isouter=True)
    .join(tasks, tasks.c.id == runs.c.task_id, isouter=True)
    .where(is_undecided(runs))
    .order_by(runs.c.task_id, runs.c.id)
)
UNDECIDED = Statement(all_of(_undecided))
UNDECIDED_OF_TASKS = Statement(all_of(_undecided.where(runs.c.task_id.in_(listed("task_ids")))))
"""The runs that wait for a verdict, each with what is known of the run that blocks it, by task."""

WAITING_OF_TASKS = Statement(
    all_of(
        select(
            *(runs.c.task_id, runs.c.id, runs.c.state, runs.c.fire_time),
            *(runs.c.reason_code, runs.c.available_at, runs.c.overlap_key),
        )
        .where(runs.c.task_id.in_(listed("task_ids")), is_waiting(runs), runs.c.awaits.is_(None))
        .order_by(runs.c.id)
    )
)
"""What else waits of these tasks: task, id, state, fire time, code of the reason, when it is
available, overlap key."""

_judged_in = incoming(
    "judged",
    runs.c.id,
    runs.c.state,
    runs.c.reason,
    runs.c.reason_code,
    runs.c.available_at,
    runs.c.finished_at,
)
JUDGE = Statement(
    update(runs)
    .where(and_(runs.c.id == _judged_in.c.id, is_undecided(runs)))
    .values(
        state=_judged_in.c.state,
        reason=_judged_in.c.reason,
        reason_code=_judged_in.c.reason_code,
        available_at=_judged_in.c.available_at,
        finished_at=ended_at(_judged_in.c.finished_at),
        awaits=null(),
    )
)
"""Write verdicts: id, state, reason, its code, when it is available, when it ended."""

ANY_UNDECIDED = Statement(select(runs.c.id).where(is_undecided(runs)).limit(literal_column("1")))
"""The id of a run that waits for a verdict."""


def living(connection: Connection, node_ids: Collection[str]) -> list[NodeRecord]:
    """Return those of the nodes that have not left and were not declared gone."""
    return [mapping.node_of(row) for row in NODES_BY_ID.rows(connection, ids=encode(node_ids))]


def pronounce(
    connection: Connection, now: Instant, task_ids: Collection[str] | None = None
) -> list[str]:
    """Judge the runs that wait for a verdict, of these tasks or of all, if there is one by now;
    return the ids of those that were judged.
    """
    if task_ids is None:
        if ANY_UNDECIDED(connection).first() is None:
            return []
        found = UNDECIDED.rows(connection)
    else:
        found = UNDECIDED_OF_TASKS.rows(connection, task_ids=encode(task_ids))
    if not found:
        return []
    waiting = _waiting(connection, {row[0] for row in found})
    turns: defaultdict[_Turn, list[Row]] = defaultdict(list)
    for row in found:
        turns[row[0], row[-2]].append(row)
    judged = [one for turn, some in turns.items() for one in _judged(some, waiting[turn], now)]
    if judged:
        JUDGE(connection, judged=Batch(judged))
    return [row[0] for row in judged]


def _waiting(
    connection: Connection, task_ids: Collection[str]
) -> defaultdict[_Turn, dict[str, tuple[ActiveRun, Instant]]]:
    found: defaultdict[_Turn, dict[str, tuple[ActiveRun, Instant]]] = defaultdict(dict)
    for task_id, run_id, state, fire_time, code, available_at, key in WAITING_OF_TASKS.rows(
        connection, task_ids=encode(task_ids)
    ):
        run = mapping.active_of(run_id, state, fire_time, None, code, None)
        found[task_id, key][run_id] = run, available_at
    return found


def _judged(
    found: list[Row], waiting: dict[str, tuple[ActiveRun, Instant]], now: Instant
) -> list[Row]:
    """Return the verdicts on the occurrences of one turn, as `JUDGE` takes them."""
    policy = mapping.policy_of(found[0][-1]) if found[0][-1] else Policy()
    undecided = {row[1]: _undecided_of(row) for row in found}
    awaited = {one.before.run_id for one in undecided.values()}
    others = [run for run, _ in waiting.values() if run.run_id not in awaited]
    verdicts = decide_waiting(policy.overlap, policy.most_waiting, list(undecided.values()), others)
    judged: list[Row] = []
    for run_id, decision in verdicts:
        one = undecided[run_id]
        if (skip := decision.skip) is not None:
            judged.append((run_id, State.SKIPPED, skip.text, skip.code, now, now))
            continue
        # Behind the run that it waited for, if that is attempted again.
        before = waiting.get(one.before.run_id)
        available_at = max(one.fire_time or now, before[1] if before else 0)
        judged.append((run_id, State.QUEUED, "", None, available_at, None))
    return judged


def _undecided_of(row: Row) -> Undecided:
    _, run_id, fire_time, awaits, state, before_fire_time, finished_at, node, *rest = row
    heard_at, crashed, _, _ = rest
    # The run as it was when it blocked the occurrence.
    before = ActiveRun(awaits, State.RUNNING, before_fire_time, node)
    at: Instant = fire_time or 0
    if crashed or state is None:
        blocker_state = BlockerState.ENDED
    elif state == State.RUNNING:
        blocker_state = (
            BlockerState.STILL_RUNNING
            if heard_at is not None and heard_at >= at
            else BlockerState.UNKNOWN
        )
    elif State(state) in FINAL:
        blocker_state = BlockerState.ENDED if finished_at <= at else BlockerState.STILL_RUNNING
    else:  # it failed, or was handed back, and waits to be attempted again
        blocker_state = BlockerState.STILL_RUNNING
    return Undecided(run_id, fire_time, before, blocker_state)
