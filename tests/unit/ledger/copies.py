"""What the copying of whole ledgers is tested with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rota.core.access import Right, Session, Token
from rota.core.limits import Limit
from rota.core.ports.records import NodeRecord, RunFilter, VerificationMark
from rota.core.ports.windows import OpenedWindow, WindowAction
from rota.core.run import Cause, State, Step
from rota.core.task import Policy
from rota.core.time import DAY, HOUR, Instant
from rota.ledger.transfer.copying import TableCopy, copy_ledger
from tests.conformance.ledger.desk import (
    NOON,
    Desk,
    FakeClock,
    Under,
    declared_gone,
    line,
    record,
    take_all,
)
from tests.unit.ledger.test_postgres import connected

HARD = "a\x00b\ud800c'\"\\u0000%s:x\t\n\\N\\.\r ☃𝄞"
MANY = "😀" * 300_000

Address = Callable[[], str]


def nobody(node: NodeRecord, now: Instant) -> bool:
    return False


def copied(source: str, target: str) -> list[TableCopy]:
    return copy_ledger(source, target, clock=FakeClock(), is_up=nobody)


def fill(desk: Desk) -> None:
    """Put something into every table, and runs of every state."""
    desk.register(
        record("t", description=HARD, trigger_args={"x": HARD}),
        record("ü", file=None, policy=Policy(tags=("db",))),
    )
    for state in (State.SUCCEEDED, State.FAILED, State.LOST, State.CANCELLED):
        claim = desk.running(fire_time=desk.clock.move(60))
        desk.settle(desk.ending(claim, state, result=float("nan"), reason=HARD))
    huge = {"nul": "\x00", "huge": 2**200, "inf": float("-inf"), "many": MANY}
    first = desk.running("hard", arguments=huge)
    desk.do(lambda tx: tx.log([line(first.run_id, 1, HARD), line(first.run_id, 2, MANY)]))
    desk.settle(desk.ending(first, State.QUEUED, reason=HARD))
    (again,) = desk.claim()
    desk.do(lambda tx: tx.checkpoint(again.run_id, again.fence, huge))
    desk.do(lambda tx: tx.progress(again.run_id, again.fence, {"done": 1, "total": 2}))
    desk.do(lambda tx: tx.remember(again.run_id, again.fence, Step("paid", huge, desk.now)))
    for state in (State.QUEUED, State.SCHEDULED, State.SKIPPED, State.MISSED):
        desk.plan(desk.new("later", desk.clock.move(60), state=state, reason=HARD, priority=-5))
    late = desk.new("t", desk.now - DAY, cause=Cause.BACKFILL)
    desk.plan(late, planned_until={"t": desk.now})
    desk.do(lambda tx: tx.pause("ü", desk.now, None, HARD))
    desk.do(lambda tx: tx.pause_group("db", desk.now, None, HARD))
    window = OpenedWindow(0, desk.now, None, WindowAction.SKIP, False, (HARD,), (), HARD)
    desk.do(lambda tx: tx.open_window(window))
    desk.do(lambda tx: tx.add_token(Token("1", "ci", Right.READ, "digest", False, desk.now, None)))
    desk.do(lambda tx: tx.add_session(Session("hash", "1", NOON, NOON + DAY)))
    desk.plan(desk.new("t"))
    one_of_t = Under(t=[Limit("task t", task_id="t", max_running=9)])
    desk.do(lambda tx: tx.claim("a", desk.now, 1, (), take_all, limits=one_of_t))
    desk.do(lambda tx: tx.mark(VerificationMark("verified", desk.now, None, HARD)))
    job = desk.new("t", key=HARD, options={"timeout": 1}, overlap_key=HARD)
    desk.do(lambda tx: tx.enqueue([job], key_until=desk.now))
    declared_gone(desk, "b")


def answers(url: str) -> dict[str, Any]:
    """What the history answers to every question of the pages."""
    with Desk(url) as desk:
        ask = desk.history
        runs = ask.runs(limit=1000).runs
        of_time = (NOON - 2 * DAY, NOON + DAY, HOUR)
        return {
            "runs": runs,
            "filters": [
                ask.runs(RunFilter(states={state}, since=NOON)).runs for state in State
            ] + [ask.runs(RunFilter(causes={cause})).runs for cause in Cause],
            "of runs": [(ask.attempts(r.id), ask.steps(r.id), ask.logs(r.id)) for r in runs],
            "last": ask.last_runs(),
            "recent": ask.recent_runs(["t", "later"], 60),
            "active": desk.active(),
            "backlog": ask.backlog(NOON + DAY),
            "counts": ask.counts(NOON + DAY),
            "failures": set(ask.failures(*of_time)),
            "bundles": set(ask.bundles(*of_time)),
            "tallies": set(ask.tallies(*of_time)),
            "pauses": ask.pauses(NOON),
            "windows": ask.windows(),
            "tasks": sorted(ask.tasks(), key=lambda task: task.record.id),
            "nodes": ask.nodes(),
            "tokens": ask.tokens(),
            "audit": ask.audit().changes,
            "session": ask.session("hash", NOON),
        }  # fmt: skip


def shell(url: str, *statements: str) -> None:
    """Run statements in a ledger that nobody has open."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in statements:
                file.execute(statement)
    else:
        with connected(Desk(url)) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def refused(source: str, target: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        copied(source, target)
    assert getattr(caught.value, "remedy", "")
    assert getattr(caught.value, "where", "")


def waits_for_keys(desk: Desk) -> bool:
    """Say whether somebody would read the last table of a ledger, and is kept from it."""
    with connected(desk) as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE '%%FROM keys%%'"
        )
        return found.first() is not None
