"""Each statement walks the index that was made for it: a million runs are no table to scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from rota.core.ports.records import RunFilter
from rota.core.run import Cause, State
from rota.ledger.sql import aggregates, attempts, nodes, queries, statements
from rota.ledger.sql.json_batch import SHARED_FROM, Batch
from rota.ledger.sql.paging import page_query, parameters_of, shape_of
from rota.ledger.sql.statement import Statement
from rota.ledger.sqlite.creation import create_tables
from rota.ledger.sqlite.database import ALL, connect, make_engine
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import claiming
from rota.ledger.verbs import limits as limit_verbs
from tests.conformance.ledger.desk import NOON


@pytest.fixture
def explaining() -> Iterator[Connection]:
    """A connection that answers every statement with SQLite's plan for it."""
    engine = make_engine(lambda: connect(":memory:", ALL, timeout=0), "BEGIN")
    with engine.connect() as connection:
        with connection.begin():
            create_tables(connection)

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def explain(_1: Any, _2: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            asks = statement.startswith(("BEGIN", "ROLLBACK", "COMMIT"))
            return statement if asks else f"EXPLAIN QUERY PLAN {statement}", parameters

        yield connection
    engine.dispose()


def plan_of(connection: Connection, statement: Statement, **parameters: Any) -> str:
    return "\n".join(row.detail for row in statement(connection, **parameters).all())


FAILED = frozenset({State.FAILED})


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (RunFilter(), None),
        (RunFilter(states={State.SUCCEEDED}), None),
        (RunFilter(since=NOON), "PRIMARY KEY (id>?)"),
        (RunFilter(causes={Cause.MANUAL}), "by_hand (cause=?"),
        (RunFilter(causes={Cause.SCHEDULE}), None),
        (RunFilter(task_id="t"), "runs_of_task (task_id=?)"),
        (RunFilter(task_id="t", since=NOON), "runs_of_task (task_id=? AND id>?)"),
        (RunFilter(task_id="t", states={State.SUCCEEDED}), "runs_of_task (task_id=?)"),
        (RunFilter(states=FAILED), "rare_ends (state=?)"),
        (RunFilter(states=FAILED, since=NOON), "rare_ends (state=? AND id>?)"),
        (RunFilter(states=FAILED, task_id="t"), "rare_ends_of_task (task_id=? AND state=?)"),
        (RunFilter(states={State.FAILED, State.LOST}), "rare_ends (state=?)"),
        (RunFilter(states={State.RUNNING}), "running_by_task"),
        (RunFilter(states={State.RUNNING}, task_id="t"), "running_by_task (task_id=?)"),
        (RunFilter(states={State.QUEUED}), "waiting_by_"),
        (RunFilter(states={State.SCHEDULED}, task_id="t"), "waiting_by_task (task_id=?)"),
    ],
)
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages(
    explaining: Connection, where: RunFilter, index: str | None, newest_first: bool
) -> None:
    shape = shape_of(where, after=None, newest_first=newest_first)
    plan = plan_of(explaining, page_query(shape), **parameters_of(where, after=None, limit=100))
    if index is None:  # along the ids, until the page is full
        assert "SCAN runs\n" in plan + "\n"
    else:
        assert index in plan
        assert "SCAN runs\n" not in plan + "\n"
    if State.RUNNING not in (where.states or ()) and not where.states:
        assert "TEMP B-TREE" not in plan


def test_a_first_page_that_ends_long_ago(explaining: Connection) -> None:
    where = RunFilter(until=NOON)
    shape = shape_of(where, after=None, newest_first=True)
    plan = plan_of(explaining, page_query(shape), **parameters_of(where, after=None, limit=100))
    assert "PRIMARY KEY (id<?)" in plan
    assert "made_late (id>?)" in plan
    assert "SCAN runs\n" not in plan + "\n"


@pytest.mark.parametrize("states", [{State.RUNNING}, {State.QUEUED}, {State.FAILED}])
def test_later_pages(explaining: Connection, states: set[State]) -> None:
    where = RunFilter(states=states, since=NOON)
    shape = shape_of(where, after="0", newest_first=True)
    values = parameters_of(where, after="0", limit=100)
    plan = plan_of(explaining, page_query(shape), **values)
    assert any(name in plan for name in ("running_by_task", "waiting_by_", "rare_ends"))


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({"task_id": "t"}, "audit_of_task (task_id=?)"),
        ({"run_id": "r"}, "audit_of_run (run_id=?)"),
        ({"after": "0"}, "PRIMARY KEY (id<?)"),
        ({"after": "0", "task_id": "t"}, "audit_of_task (task_id=? AND id<?)"),
    ],
)
def test_pages_of_the_audit(explaining: Connection, given: dict[str, str], index: str) -> None:
    plan = plan_of(explaining, audit_verbs.page_query(frozenset(given)), **given, limit=1)
    assert index in plan
    assert "TEMP B-TREE" not in plan


SETTLED = {"settled": "[]"}
ALIKE = Batch([str(n), *[1] * 10] for n in range(SHARED_FROM))
"""Rows that have all in common but their ids."""
SPAN = {"made_since": "1", "since": 1, "until": 2, "slice": 1}


@pytest.mark.parametrize(
    ("statement", "parameters", "indexes"),
    [
        (statements.KNOWN_RUNS, {"keys": "[]"}, ["(id=?)", "one_run_per_occurrence"]),
        (
            statements.KNOWN_RUNS,
            {"keys": Batch([str(n), "t", n] for n in range(SHARED_FROM))},
            ["(id=?)", "one_run_per_occurrence (task_id=? AND fire_time=?)"],
        ),
        (
            statements.ACTIVE_OF_TASKS,
            {"task_ids": "[]"},
            ["waiting_by_task (task_id=?)", "running_by_task (task_id=?)"],
        ),
        (
            claiming.HEAD_OF_QUEUE,
            {"level": 0, "now": 0, "depth": 1, "exclude": "[]"},
            [
                "waiting_by_priority (priority=? AND available_at<?)",
                "running_by_task (task_id=?)",
            ],
        ),
        (claiming.LEVELS, {}, ["waiting_by_priority", "waiting_by_priority (priority<?)"]),
        (limit_verbs.RUNNING_OF_TASKS, {"task_ids": "[]"}, ["running_by_task (task_id=?)"]),
        (
            limit_verbs.RUNNING_OF_GROUPS,
            {"groups": "[]"},
            ["tasks_of_group (limit_group=?)", "running_by_task (task_id=?)"],
        ),
        (
            limit_verbs.GIVEN_TO_GROUPS,
            {"groups": "[]", "since": 0},
            ["tasks_of_group (limit_group=?)", "waiting_by_task (task_id=?)"],
        ),
        (
            claiming.QUEUE_BY_TASK,
            {"level": 0, "now": 0, "limit": 1, "exclude": "[]"},
            ["waiting_by_task (task_id>?)", "waiting_by_task (task_id=? AND available_at<?)"],
        ),
        (
            claiming.QUEUE_OF_TASKS,
            {"level": 0, "now": 0, "limit": 1, "exclude": "[]", "tasks": "[]"},
            ["waiting_by_task (task_id=? AND available_at<?)", "(id=?)"],
        ),
        (statements.TAKE, {"ids": "[]", "now": 0, "node": "a"}, ["(id=?)"]),
        (attempts.SETTLE, SETTLED | {"node_id": "a"}, ["(id=?)"]),
        (attempts.SETTLE, {"settled": ALIKE, "node_id": "a"}, ["(id=?)"]),
        (attempts.SETTLE_ORPHANS, {"settled": ALIKE}, ["(id=?)"]),
        (statements.END_WAITING, {"ends": ALIKE}, ["(id=?)"]),
        (
            statements.RESTORE_EARLY,
            {"task_id": "t", "after": 0},
            ["(task_id=? AND fire_time>?)"],
        ),
        (statements.MOVE_PLANNED_UNTIL, {"planned_until": ALIKE}, ["(id=?)"]),
        (attempts.HELD, SETTLED | {"node_id": "a"}, ["(id=?)"]),
        (attempts.SETTLE_ORPHANS, SETTLED, ["(id=?)"]),
        (statements.END_WAITING, {"ends": "[]"}, ["(id=?)"]),
        (statements.ASK_TO_CANCEL, {"asks": "[]"}, ["(id=?)"]),
        (nodes.ORPHANS, {}, ["running_by_task"]),
        (nodes.UNCONFIRMED, {"unconfirmed": "[]"}, ["(id=?)"]),
        (queries.RUNNING_OF_NODE, {"node_id": "a"}, ["running_by_task"]),
        (nodes.CANCEL_REQUESTS, {"node_id": "a"}, ["running_by_task"]),
        (
            statements.CANCEL_WAITING_OF_TASK,
            {"task_id": "t", "now": 0, "why": "", "code": ""},
            ["waiting_by_task (task_id=?)"],
        ),
        (
            statements.CANCEL_EARLY,
            {"task_id": "t", "now": 0, "after": 0, "until": 1, "why": "", "code": ""},
            ["(task_id=? AND fire_time>? AND fire_time<?)"],
        ),
        (
            statements.RESTORE_EARLY,
            {"task_id": "t", "after": 0},
            ["(task_id=? AND fire_time>?)"],
        ),
        (statements.MOVE_PLANNED_UNTIL, {"planned_until": "[]"}, ["(id=?)"]),
        (statements.LAST_REVISION, {}, ["tasks_by_revision"]),
        (nodes.OLD_RUNS, {"made_before": "1", "before": 1, "limit": 1}, ["(id<?)"]),
        (nodes.DELETE_RUNS, {"ids": "[]"}, ["(id=?)"]),
        (nodes.DELETE_LINES, {"ids": "[]"}, ["(run_id=?)"]),
        (nodes.DELETE_ATTEMPTS, {"ids": "[]"}, ["(run_id=?)"]),
        (nodes.DELETE_STEPS, {"ids": "[]"}, ["(run_id=?)"]),
        (statements.STEPS_OF, {"ids": "[]"}, ["(run_id=?)"]),
        (queries.RUNS_BY_ID, {"ids": "[]"}, ["(id=?)"]),
        (audit_verbs.NEWEST, {}, ["audit_by_time"]),
        (audit_verbs.DELETE_OLD, {"before": 0, "limit": 1}, ["audit_by_time (at<?)"]),
        (queries.RUNS_BY_BEGINNING, {"low": "1", "high": "2"}, ["(id>? AND id<?)"]),
        (queries.RUNNING_RUNS, {}, ["running_by_task"]),
        (queries.WAITING_RUNS, {"limit": 1}, ["INDEX waiting_by_", "(id=?)"]),
        (queries.BACKLOG, {"now": 0}, ["INDEX waiting_by_task"]),
        (queries.LAST_RUNS, {}, ["runs_of_task (task_id=?)", "(id=?)"]),
        (queries.LAST_RUNS_OF, {"task_ids": "[]"}, ["runs_of_task (task_id=?)", "(id=?)"]),
        (
            queries.RECENT_RUNS,
            {"task_ids": "[]", "limit": 60},
            ["runs_of_task (task_id=?)", "(id=?)"],
        ),
        (queries.COUNTS, {"now": 0}, ["waiting_by_", "running_by_task"]),
        (aggregates.FAILURES, SPAN, ["rare_ends (state=? AND id>?)", "(id=?)"]),
        (aggregates.BUNDLES, SPAN, ["PRIMARY KEY (id>?)"]),
        (aggregates.TALLIES, SPAN, ["PRIMARY KEY (id>?)"]),
        (queries.TASKS_CHANGED, {"after": 1}, ["tasks_by_revision (revision>?)"]),
        (
            queries.LINES,
            {"id": "r", "attempt": 0, "seq": 0, "limit": 1},
            ["(run_id=?"],
        ),
    ],
)
def test_statements(
    explaining: Connection,
    statement: Statement,
    parameters: dict[str, Any],
    indexes: list[str],
) -> None:
    plan = plan_of(explaining, statement, **parameters)
    for index in indexes:
        assert index in plan
    assert "SCAN runs\n" not in plan + "\n"
