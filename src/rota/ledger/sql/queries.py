"""Every SQL statement of history, named and described; see `statements`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BindParameter,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from rota.core.run import State
from rota.ledger.schema.tables import (
    attempts,
    is_running,
    is_waiting,
    logs,
    nodes,
    runs,
    steps,
    tasks,
    word,
)
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import gathered, incoming, listed
from rota.ledger.sql.statement import Statement, all_of

_id: BindParameter[Any] = bindparam("id")
_now: BindParameter[Any] = bindparam("now")
_end: BindParameter[Any] = bindparam("end")

ALL_TASKS = Statement(all_of(select(*mapping.TASK).order_by(tasks.c.id)))
"""Every task (TASK), by id."""

LIVING_TASKS = Statement(select(gathered(tasks.c.id)).where(tasks.c.removed_at.is_(None)))
"""The ids of the tasks that were not removed."""

TASKS_CHANGED = Statement(
    all_of(select(*mapping.TASK).where(tasks.c.revision > bindparam("after")))
)
"""The tasks (TASK) with a later revision, in no order: with one, every task would be read."""

RUN_BY_ID = Statement(all_of(select(*mapping.RUN).where(runs.c.id == _id)))

RUNS_BY_ID = Statement(all_of(select(*mapping.RUN).where(runs.c.id.in_(listed("ids")))))
"""The runs with these ids (RUN), in no order."""

RUNS_BY_BEGINNING = Statement(
    all_of(
        select(*mapping.RUN)
        .where(runs.c.id >= bindparam("low"), runs.c.id < bindparam("high"))
        .limit(literal_column("2"))
    )
)
"""The runs with ids in a range, two at most: more would be ambiguous all the same."""

RUNS_BY_END = Statement(
    all_of(
        select(*mapping.RUN)
        .where(func.substr(runs.c.id, func.length(runs.c.id) - bindparam("before")) == _end)
        .limit(literal_column("2"))
    )
)
"""The runs with this `end`, whose length is `before` and one; two at most; reads every id."""


RUNNING_RUNS = Statement(all_of(select(*mapping.RUN).where(is_running(runs))))
"""Every run that runs (RUN), in no order."""

_first = (
    select(runs.c.id)
    .where(is_waiting(runs))
    .order_by(runs.c.available_at, runs.c.id)
    .limit(bindparam("limit"))
)
WAITING_RUNS = Statement(all_of(select(*mapping.RUN).where(runs.c.id.in_(_first))))
"""The runs that wait whose time comes first (RUN), in no order."""

BACKLOG = Statement(
    all_of(
        select(runs.c.task_id, func.count(), func.min(runs.c.available_at))
        .where(is_waiting(runs), runs.c.available_at <= _now)
        .group_by(runs.c.task_id)
    )
)
"""Of each task with runs that wait and could start: how many, and since when the oldest waits."""

RUNNING_OF_NODE = Statement(
    select(gathered(runs.c.id, runs.c.fence)).where(
        is_running(runs), runs.c.node == bindparam("node_id")
    )
)
"""What a node runs: id, fence."""

_slice: BindParameter[Any] = bindparam("slice", type_=runs.c.available_at.type)
_slice_end = (runs.c.available_at + _slice - literal_column("1")) // _slice * _slice
DUE_TIMES = Statement(
    select(gathered(literal_column("due.at"))).select_from(
        select(_slice_end.label("at"))
        .distinct()
        .where(
            is_waiting(runs),
            runs.c.priority == bindparam("level"),
            runs.c.available_at > bindparam("after"),
            runs.c.available_at <= bindparam("until"),
        )
        .limit(literal_column("1000"))
        .subquery("due")
    )
)
"""When runs of a priority become available, rounded up to slices."""

COUNTS = Statement(
    select(
        select(func.count()).where(is_waiting(runs)).scalar_subquery().label("waiting"),
        select(func.count()).where(is_running(runs)).scalar_subquery().label("running"),
        select(func.min(runs.c.available_at))
        .where(is_waiting(runs), runs.c.available_at <= _now)
        .scalar_subquery()
        .label("oldest_due"),
    )
)
"""How many wait, how many run, and since when the oldest waits whose time has come."""

_last_in = incoming("task_ids", tasks.c.id)


def _last_runs(of: FromClause) -> Callable[[], Select[Any]]:
    recent = runs.alias("recent")
    newest = (
        select(recent.c.id, recent.c.started_at)
        .where(recent.c.task_id == of.c.id, recent.c.started_at.is_not(None))
        .order_by(recent.c.id.desc())
        .limit(literal_column("10"))
        .correlate(of)
        .subquery()
    )
    last = (
        select(newest.c.id)
        .order_by(newest.c.started_at.desc(), newest.c.id.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    return all_of(select(*mapping.RUN).join_from(of, runs, runs.c.id == last))


LAST_RUNS = Statement(_last_runs(tasks))
"""The run of each task that started last (RUN).

Looked for among the ten that were made last and have started: runs start in the order of their
making but for a few that wait for a retry or their turn.
"""
LAST_RUNS_OF = Statement(_last_runs(_last_in))
"""The same for the tasks with these ids (one per row)."""


_successes = select(*mapping.RUN).where(
    runs.c.task_id == bindparam("task_id"), runs.c.state == word(State.SUCCEEDED)
)
LAST_SUCCESS = Statement(all_of(_successes.order_by(runs.c.id.desc()).limit(literal_column("1"))))
"""The run (RUN) of a task that was made last of those that succeeded."""
LAST_SUCCESS_BEFORE = Statement(
    all_of(
        _successes.where(runs.c.fire_time < bindparam("before"))
        .order_by(runs.c.fire_time.desc())
        .limit(literal_column("1"))
    )
)
"""The run (RUN) of a task's newest occurrence before an instant that succeeded."""


def _recent_runs() -> Callable[[], Select[Any]]:
    recent = runs.alias("recent")
    newest = (
        select(recent.c.id)
        .where(recent.c.task_id == _last_in.c.id)
        .order_by(recent.c.id.desc())
        .limit(bindparam("limit"))
        .correlate(_last_in)
    )
    return all_of(select(*mapping.RUN).join_from(_last_in, runs, runs.c.id.in_(newest)))


def _recent_runs_laterally() -> Callable[[], Select[Any]]:
    newest = (
        select(*mapping.RUN)
        .where(runs.c.task_id == _last_in.c.id)
        .order_by(runs.c.id.desc())
        .limit(bindparam("limit"))
        .correlate(_last_in)
        .lateral("newest")
    )
    return all_of(select(*newest.c).join_from(_last_in, newest, true()))


RECENT_RUNS = Statement(_recent_runs(), postgresql=_recent_runs_laterally())
"""The runs made last (RUN) of each of the tasks with these ids (one per row), in no order.

SQLite has no lateral join, and PostgreSQL would look at every run for the other form.
"""

ATTEMPTS = Statement(
    all_of(select(*mapping.ATTEMPT).where(attempts.c.run_id == _id).order_by(attempts.c.number))
)

STEPS = Statement(
    all_of(select(*mapping.STEP).where(steps.c.run_id == _id).order_by(steps.c.at, steps.c.key))
)

LINES = Statement(
    all_of(
        select(*mapping.LOG)
        .where(
            logs.c.run_id == _id,
            or_(
                logs.c.attempt > bindparam("attempt"),
                and_(logs.c.attempt == bindparam("attempt"), logs.c.seq > bindparam("seq")),
            ),
        )
        .order_by(logs.c.attempt, logs.c.seq)
        .limit(bindparam("limit"))
    )
)
"""The log lines of a run after (attempt, seq)."""

NODES = Statement(
    all_of(select(*mapping.NODE).order_by(nodes.c.started_at.desc(), nodes.c.id.desc()))
)
"""Every node, newest first."""
