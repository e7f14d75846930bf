"""What PostgreSQL needs beside the conformance suite: its schema, its plans, its clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, make_url

from rota.core.ports.records import Orphan, RunFilter
from rota.core.run import State
from rota.core.time import SECOND, Instant
from rota.errors import LedgerError
from rota.ledger.postgres.clock import DatabaseClock
from rota.ledger.schema.indexes import metadata
from rota.ledger.sql import attempts, nodes, queries, statements
from rota.ledger.sql.paging import page_query, parameters_of, shape_of
from rota.ledger.sql.statement import Statement
from rota.ledger.verbs import claiming
from rota.ledger.verbs import limits as limit_verbs
from rota.runtime.system_clock import SystemClock
from tests.conformance.ledger.desk import NOON, Desk, FakeClock, until
from tests.postgres import Postgres


@pytest.fixture
def desk(postgres: Postgres) -> Iterator[Desk]:
    with Desk(postgres.url()) as desk:
        yield desk


@contextmanager
def connected(desk: Desk) -> Iterator[Connection]:
    """A connection to the tables of `desk`."""
    url = make_url(desk.ledger.url)
    schema = url.query["schema"]
    plain = url.difference_update_query(["schema"]).set(drivername="postgresql+psycopg")
    engine = create_engine(plain, connect_args={"options": f"-csearch_path={schema}"})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def connection(desk: Desk) -> Iterator[Connection]:
    """A connection to the tables of `desk`."""
    with connected(desk) as connection:
        yield connection


# --- the schema ----------------------------------------------------------------------------------


def test_the_migrations_make_the_tables(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_text_is_in_the_order_of_its_bytes(connection: Connection) -> None:
    other = connection.exec_driver_sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'text'"
        " AND collation_name IS DISTINCT FROM 'C'"
    )
    assert other.all() == []


# --- the plans -----------------------------------------------------------------------------------

FAILED = frozenset({State.FAILED})


_MANY = """
INSERT INTO runs (id, task_id, fire_time, cause, state, available_at, created_at, started_at,
                  finished_at, attempt_started_at, node, exclusive)
SELECT to_char(n, 'FM00000000'), 't' || mod(n, 1000), n, 'schedule', of.state, n, n, n,
       CASE WHEN of.state NOT IN ('running', 'queued') THEN n END, n, 'a', false
FROM generate_series(1, 20000) AS n, LATERAL (
    SELECT CASE WHEN n > 19990 THEN 'running' WHEN n > 19970 THEN 'queued'
           WHEN mod(n, 100) = 0 THEN 'failed' ELSE 'succeeded' END AS state) AS of
"""


@pytest.fixture(scope="module")
def explaining(postgres: Postgres) -> Iterator[Connection]:
    """A connection to many runs that answers every statement with PostgreSQL's plan for it."""
    with Desk(postgres.url()) as desk, connected(desk) as connection:
        for command in (_MANY, "COMMIT", "ANALYZE"):
            connection.exec_driver_sql(command)

        @event.listens_for(connection, "before_cursor_execute", retval=True)
        def explain(_1: Any, _2: Any, text: str, sent: Any, *_: Any) -> tuple[str, Any]:
            return f"EXPLAIN {text}", sent

        yield connection


def plan_of(connection: Connection, statement: Statement, **parameters: Any) -> str:
    return "\n".join(row[0] for row in statement(connection, **parameters))


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (RunFilter(), "runs_pkey"),
        (RunFilter(since=NOON), "runs_pkey"),
        (RunFilter(task_id="t1"), "runs_of_task"),
        (RunFilter(states=FAILED), "rare_ends"),
        (RunFilter(states=FAILED, task_id="t1"), "rare_ends_of_task"),
        (RunFilter(states={State.RUNNING}, task_id="t1"), "running_by_task"),
        (RunFilter(states={State.RUNNING}), "running_by_task"),
        (RunFilter(states={State.QUEUED}), "waiting_by_"),
        (RunFilter(states={State.QUEUED}, task_id="t1"), "waiting_by_task"),
    ],
)
def test_pages(explaining: Connection, where: RunFilter, index: str) -> None:
    shape = shape_of(where, after=None, newest_first=True)
    values = parameters_of(where, after=None, limit=100)
    plan = plan_of(explaining, page_query(shape), **values)
    assert index in plan
    assert "Seq Scan on runs" not in plan


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (queries.RUN_BY_ID, {"id": "a"}),
        (queries.RUNS_BY_BEGINNING, {"low": "a", "high": "b"}),
        (queries.LAST_RUNS, {}),
        (queries.RECENT_RUNS, {"task_ids": "[]", "limit": 60}),
        (queries.RUNNING_RUNS, {}),
        (queries.WAITING_RUNS, {"limit": 9}),
        (queries.BACKLOG, {"now": NOON}),
        (queries.COUNTS, {"now": NOON}),
        (statements.KNOWN_RUNS, {"keys": "[]"}),
        (statements.ACTIVE_OF_TASKS, {"task_ids": "[]"}),
        (claiming.LEVELS, {}),
        (limit_verbs.RUNNING_OF_TASKS, {"task_ids": "[]"}),
        (limit_verbs.RUNNING_OF_GROUPS, {"groups": "[]"}),
        (limit_verbs.GIVEN_TO_TASKS, {"task_ids": "[]", "since": NOON}),
        (limit_verbs.GIVEN_TO_GROUPS, {"groups": "[]", "since": NOON}),
        (claiming.HEAD_OF_QUEUE, {"level": 0, "now": NOON, "depth": 108, "exclude": "[]"}),
        (claiming.QUEUE_BY_TASK, {"level": 0, "now": NOON, "limit": 8, "exclude": "[]"}),
        (claiming.LOCK_WAITING, {"ids": "[]", "now": NOON, "limit": 8}),
        (attempts.SETTLE, {"settled": "[]", "node_id": "a"}),
        (nodes.ORPHANS, {}),
    ],
)
def test_no_statement_reads_all_runs(
    explaining: Connection, statement: Statement, parameters: dict[str, Any]
) -> None:
    assert "Seq Scan on runs" not in plan_of(explaining, statement, **parameters)


# --- the clock -----------------------------------------------------------------------------------


def never(orphan: Orphan) -> Any:
    raise AssertionError(orphan)


@pytest.mark.parametrize("seconds", [-90, 90, 3 * 86_400])
def test_nodes_whose_clocks_differ_have_one_time(desk: Desk, seconds: float) -> None:
    wrong = FakeClock()
    wrong.move(seconds)
    with Desk(desk.ledger.url, clock=wrong) as other:
        clocks = [one.ledger.clock for one in (desk, other)]
        assert abs(clocks[0].now() - clocks[1].now()) < 5 * SECOND
        assert abs(clocks[0].now() - SystemClock().now()) < 5 * SECOND
        wrong.move(0.5)
        assert abs(clocks[0].now() - clocks[1].now()) < 5 * SECOND


class TwoHands:
    """A clock whose wall time and steady time are moved apart."""

    def __init__(self) -> None:
        self.wall: Instant = NOON
        self.steady = 0.0

    def now(self) -> Instant:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def pass_(self, seconds: float) -> None:
        self.wall += round(seconds * SECOND)
        self.steady += seconds


def test_the_database_s_time_goes_on_by_itself_and_heeds_no_step() -> None:
    hands = TwoHands()
    clock = DatabaseClock(hands)
    assert (clock.now(), clock.is_stale()) == (NOON, True)
    clock.synchronize(NOON + 90 * SECOND, hands.monotonic())
    hands.pass_(2)
    assert (clock.now(), clock.is_stale()) == (NOON + 92 * SECOND, False)
    hands.wall += 3600 * SECOND  # stepped, or woken up after an hour
    assert (clock.now(), clock.is_stale()) == (NOON + 92 * SECOND, True)


def test_the_database_s_time_is_asked_for_every_few_seconds() -> None:
    hands = TwoHands()
    clock = DatabaseClock(hands)
    clock.synchronize(NOON, hands.monotonic())
    hands.pass_(2)
    assert not clock.is_stale()
    hands.pass_(2)
    assert clock.is_stale()


def test_a_slow_answer_moves_the_time_no_further_than_it_must() -> None:
    hands = TwoHands()
    clock = DatabaseClock(hands)
    clock.synchronize(NOON, hands.monotonic())
    asked = hands.monotonic()
    hands.pass_(10)  # the answer was made at once, and heard late
    clock.synchronize(NOON, asked)
    assert clock.now() == NOON + 10 * SECOND
    asked = hands.monotonic()
    hands.pass_(1)
    clock.synchronize(NOON + 60 * SECOND, asked)  # the database's own clock was stepped
    assert clock.now() == NOON + 60 * SECOND


# --- connections ---------------------------------------------------------------------------------


def ears(connection: Connection) -> set[int]:
    """The server's processes for the connections that listen to this schema's ledger."""
    connection.rollback()  # a transaction would see the same ones all the time
    found = connection.exec_driver_sql(
        "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN rota_' || current_schema()"
    )
    return set(found.scalars())


def cut_itself_off(tx: Any) -> None:
    tx._connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_listener_that_lost_the_server_listens_again(desk: Desk, connection: Connection) -> None:
    desk.ledger.version()
    first = ears(connection)
    assert len(first) == 1
    with pytest.raises(LedgerError):
        desk.do(cut_itself_off)
    until(lambda: bool(ears(connection)) and ears(connection).isdisjoint(first))
    before = desk.ledger.version()
    with Desk(desk.ledger.url) as other:
        other.plan(other.new())
    until(lambda: desk.ledger.version() != before)
