"""Pauses tasks that crash their workers repeatedly, in the transaction that writes the crash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, bindparam, func, literal_column, select

from rota.core.audit import Actor, Verb
from rota.core.crashes import End, Suspect, blamed, in_a_row, why_paused
from rota.core.outcome import OutcomeKind
from rota.core.ports.records import AttemptEnd, Orphan
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.task import Policy
from rota.core.time import Instant
from rota.ledger.schema.tables import attempts, runs, tasks
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch, encode, listed
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import chains, pauses

ENGINE = Actor(name="rota")
"""The author of these pauses."""

_RECENT = 1_000
"""Rows of a task that are looked at, the newest: what is older is no crash in a row."""

_TELLING = frozenset({OutcomeKind.FAILED, OutcomeKind.TIMED_OUT, OutcomeKind.CRASHED})
"""Outcomes that show whether the worker lived; a cancelled attempt shows nothing."""

_recent = (
    select(runs.c.id, runs.c.state, runs.c.node, runs.c.finished_at, runs.c.attempt)
    .where(runs.c.task_id == bindparam("task_id"))
    .order_by(runs.c.id.desc())
    .limit(literal_column(str(_RECENT)))
    .subquery("recent")
)
ENDS = Statement(
    all_of(
        select(
            *(_recent.c.state, _recent.c.node, _recent.c.finished_at),
            attempts.c.outcome,
            attempts.c.node.label("attempt_node"),
            attempts.c.finished_at.label("attempt_finished_at"),
        )
        .join_from(_recent, attempts, attempts.c.run_id == _recent.c.id, isouter=True)
        .where(_recent.c.attempt > literal_column("0"))
    )
)
"""How the attempts of a task ended: state, node and end of the run; outcome, node and end of each
attempt that did not succeed."""

TASKS_OF_RUNS = Statement(
    all_of(
        select(runs.c.id, runs.c.task_id, func.coalesce(tasks.c.policy, literal_column("'{}'")))
        .join_from(runs, tasks, tasks.c.id == runs.c.task_id, isouter=True)
        .where(runs.c.id.in_(listed("ids")))
    )
)
"""The tasks of these runs: run, task, policy."""


def of_orphans(connection: Connection, orphans: Sequence[Orphan]) -> dict[str, Suspect]:
    """Return the task to blame for the death of each node that left these runs, by node; each node
    is judged separately. Nothing of it is written yet.
    """
    by_node: defaultdict[str, defaultdict[str, list[Orphan]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for orphan in orphans:
        by_node[orphan.run.node or ""][orphan.run.task_id].append(orphan)
    before = {id_: _streak(connection, id_) for id_ in {one.run.task_id for one in orphans}}
    found: dict[str, Suspect] = {}
    for node, by_task in by_node.items():
        suspects = [
            Suspect(
                task_id,
                max(one.run.attempt_started_at or 0 for one in some),
                before[task_id],
                before[task_id] + 1,
                some[0].policy.max_crashes,
            )
            for task_id, some in by_task.items()
        ]
        culprit = blamed(suspects)
        for suspect in suspects:
            before[suspect.task_id] = suspect.after
        if culprit is not None:
            found[node] = culprit
    return found


def of_workers(connection: Connection, endings: Iterable[AttemptEnd]) -> list[Suspect]:
    """Return the tasks that crashed a worker process of their own too often; the ends of these
    attempts are written.
    """
    crashed = [ending.attempt for ending in endings]
    found = TASKS_OF_RUNS.rows(connection, ids=encode(one.run_id for one in crashed))
    new: defaultdict[str, set[tuple[Instant, str]]] = defaultdict(set)
    policies: dict[str, Policy] = {}
    task_of = {}
    for run_id, task_id, policy in found:
        task_of[run_id], policies[task_id] = task_id, mapping.policy_of(policy)
    for one in crashed:
        new[task_of[one.run_id]].add((one.finished_at, one.node))
    suspects = []
    for task_id, crashes in new.items():
        after = _streak(connection, task_id)
        limit = policies[task_id].max_crashes
        suspects.append(Suspect(task_id, 0, max(after - len(crashes), 0), after, limit))
    return [suspect for suspect in suspects if suspect.is_due]


def pause(
    connection: Connection, suspects: Collection[Suspect], run_ids: Collection[str], now: Instant
) -> list[str]:
    """Pause these tasks. Of `run_ids`, which crashed last, those that would be attempted again end
    as failed. The other waiting runs of the tasks are cancelled. Returns the runs that ended by
    this and have tasks after them, among others that have not.
    """
    ending = chains.active_of(connection, [suspect.task_id for suspect in suspects])
    for suspect in suspects:
        why = why_paused(suspect)
        known = sql.TASKS_BY_ID.rows(connection, ids=encode([suspect.task_id]))
        if not known:
            continue
        before, after = pauses.pause_task(connection, suspect.task_id, now, None, why, ENGINE.name)
        audit_verbs.note(
            connection, now, ENGINE, [audit_verbs.of_task(Verb.PAUSE, before, after, why)]
        )
        found = TASKS_OF_RUNS.rows(connection, ids=encode(run_ids))
        own = [run_id for run_id, task_id, _ in found if task_id == suspect.task_id]
        code = ReasonCode.QUARANTINED
        ends = [(run_id, State.FAILED, f"quarantined: {why}", now, code) for run_id in own]
        if ends:
            sql.END_WAITING(connection, ends=Batch(ends))
        sql.CANCEL_WAITING_OF_TASK(
            connection,
            task_id=suspect.task_id,
            why=f"its task was paused: {why}",
            code=ReasonCode.PAUSED,
            now=now,
        )
    return ending


def _streak(connection: Connection, task_id: str) -> int:
    ends: list[End] = []
    for state, node, finished_at, outcome, *attempt in ENDS.rows(connection, task_id=task_id):
        if state == State.SUCCEEDED:
            ends.append(End(finished_at, node, crashed=False))
        if outcome in _TELLING:
            attempt_node, at = attempt
            ends.append(End(at, attempt_node, outcome == OutcomeKind.CRASHED))
    return in_a_row(end for end in ends if isinstance(end.at, int))  # others are damaged
