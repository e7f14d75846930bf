"""A ledger in which everything is as it should be, written by the ledger's own verbs, and quickly
damaged by SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rota.core.ports.records import TaskRecord
from rota.core.run import State
from rota.core.task import Overlap
from rota.core.time import DAY, MINUTE, SECOND, Instant
from rota.core.verification.findings import Finding
from rota.engine.upkeep.verifying import Question, planner_spans, verify
from tests.conformance.ledger.desk import NOON, Desk, line, record

HOURS = 2
MINUTES = HOURS * 60


def interval(task_id: str, seconds: int, **changes: Any) -> TaskRecord:
    """A task of UTC that runs every so many seconds."""
    args = {"seconds": seconds}
    times = {"trigger": "interval", "trigger_args": args, "schedule": f"every {seconds} s"}
    return record(task_id, timezone="UTC", **{**times, **changes})


def write(path: Path) -> Instant:
    """Write two hours of five tasks into a new ledger; returns when it ends."""
    with Desk(f"sqlite:///{path}") as desk:
        desk.join("a", lease=DAY)
        cron = {"trigger": "cron", "trigger_args": {"minute": "*/5"}, "schedule": "cron"}
        desk.register(
            interval("tick", 60),
            interval("bad", 60),
            interval("paused", 60),
            interval("down", 60),
            record("cron", timezone="UTC", **cron),
        )
        for number in range(1, MINUTES + 1):
            now = desk.clock.move(60)
            _succeed(desk, "tick", now)
            _fail_twice(desk, now)
            if now // MINUTE % 5 == 0:
                _succeed(desk, "cron", now)
            if number <= 30 or number > 60:
                _succeed(desk, "paused", now)
            if number == 30:
                desk.clock.move(6)
                desk.do(lambda tx: tx.pause("paused", desk.now, None, "tidying"))
                desk.clock.move(-6)
            if number == 60:
                desk.clock.move(6)
                desk.do(lambda tx: tx.resume("paused", desk.now))
                desk.clock.move(-6)
            if number == 100:
                _miss(desk, NOON + MINUTE, 90)
        for number in range(91, MINUTES + 1):
            _succeed(desk, "down", NOON + number * MINUTE)
        desk.do(lambda tx: tx.heartbeat("a", desk.now, desk.now + DAY, {}))
        return desk.now


def _succeed(desk: Desk, task_id: str, instant: Instant) -> None:
    new = desk.new(task_id, instant, claim="a", overlap=Overlap.SKIP)
    (planned,) = desk.plan(new, planned_until={task_id: instant})
    assert planned.state is State.RUNNING
    desk.do(lambda tx: tx.log([line(new.id, 1)]))
    _settle(desk, new.id, State.SUCCEEDED)


def _fail_twice(desk: Desk, instant: Instant) -> None:
    new = desk.new("bad", instant, claim="a")
    desk.plan(new, planned_until={"bad": instant})
    _settle(desk, new.id, State.SCHEDULED, available_at=desk.now)
    (claim,) = desk.claim(of_tasks={"bad"})
    assert desk.settle(desk.ending(claim, State.FAILED)) == []


def _settle(desk: Desk, run_id: str, state: State, **changes: Any) -> None:
    from rota.core.ports.records import Claim
    from rota.core.run import Cause

    claim = Claim(run_id, "", None, Cause.SCHEDULE, 1, 0, 0, 1, None, None)
    assert desk.settle(desk.ending(claim, state, **changes)) == []


def _miss(desk: Desk, first: Instant, count: int) -> None:
    last = first + (count - 1) * MINUTE
    missed = desk.new("down", first, state=State.MISSED, reason="down", occurrence_count=count)
    desk.plan(missed, planned_until={"down": last})


@contextmanager
def damaged(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that may write what the ledger itself refuses."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        with connection:
            yield connection


def found(path: Path, now: Instant, **changes: Any) -> list[Finding]:
    """What there is to say against a ledger."""
    with Desk(f"sqlite:///{path}") as desk:
        spans = planner_spans(desk.history.nodes())
        asked = Question(now + 15 * SECOND, NOON - DAY, planners=lambda _: spans, **changes)
        return list(verify(desk.history.evidence, asked))
