"""A crowd of rows is written as it is, whatever its rows have in common and what they have not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.ledger.sql.json_batch import NUL, SHARED_FROM
from rota.ledger.sql.statement import MOST_SHAPES
from rota.ledger.sql.statements import INSERT_RUNS
from tests.conformance.ledger.desk import NOON, Desk, ids, line, record

MANY = SHARED_FROM + 4
EACH = "each of them"
NASTY = "it's 5 o'clock\x00 \"½\" :planned_1 %(planned_2)s 😀"

PLANNED: dict[str, Callable[[int], Any]] = {
    "task_id": lambda n: f"task {n}",
    "fire_time": lambda n: NOON + n,
    "cause": lambda n: list(Cause)[n % 3],
    "state": lambda n: [State.QUEUED, State.SCHEDULED, State.MISSED][n % 3],
    "reason": lambda n: f"{NASTY} {n}",
    "available_at": lambda n: NOON + 7 * n,
    "created_at": lambda n: NOON - n,
    "overlap": lambda n: [Overlap.ALLOW, Overlap.SKIP][n % 2],
    "occurrence_count": lambda n: 1 + n,
    "arguments": lambda n: [None, {}, {"text": NASTY, "n": n}][n % 3],
    "priority": lambda n: n - 5,
}
ENDED: dict[str, Callable[[int], Any]] = {
    "state": lambda n: [State.SUCCEEDED, State.FAILED, State.SCHEDULED][n % 3],
    "reason": lambda n: f"{NASTY} {n}",
    "failures": lambda n: n,
    "crashes": lambda n: n,
    "available_at": lambda n: [None, NOON + n][n % 2],
    "result": lambda n: [None, NASTY, {"n": n}, 0, False][n % 5],
}


@pytest.mark.parametrize("column", [None, *PLANNED, EACH])
def test_planned_runs_of_a_large_batch_keep_every_column(desk: Desk, column: str | None) -> None:
    new = []
    for n in range(MANY):
        common = {name: value(5) for name, value in PLANNED.items()}
        own = {name: value(n) for name, value in PLANNED.items() if column in (name, EACH)}
        occurrence = {"fire_time": NOON + n}  # has one row
        new.append(desk.new(**common | occurrence | own))
    assert ids(desk.plan(*new)) == ids(new)
    for one in new:
        run = desk.run(one.id)
        assert (run.task_id, run.fire_time, run.cause) == (one.task_id, one.fire_time, one.cause)
        assert (run.state, run.reason) == (one.state, as_stored(one.reason.text))
        assert (run.available_at, run.created_at) == (one.available_at, one.created_at)
        assert (run.exclusive, run.count) == (one.overlap is Overlap.SKIP, one.occurrence_count)
        assert run.arguments == one.arguments


def test_planned_with_priorities(desk: Desk) -> None:
    new = [desk.new(priority=n) for n in range(MANY)]
    desk.plan(*new)
    assert ids(desk.claim()) == ids(new[::-1])


@pytest.mark.parametrize("column", [None, *ENDED, EACH])
def test_ended(desk: Desk, column: str | None) -> None:
    desk.plan(*(desk.new() for _ in range(MANY)))
    endings = []
    for n, claim in enumerate(desk.claim()):
        common = {name: value(1) for name, value in ENDED.items()}
        own = {name: value(n) for name, value in ENDED.items() if column in (name, EACH)}
        settlement = common | own
        endings.append(desk.ending(claim, settlement.pop("state"), **settlement))
    assert desk.settle(*endings) == []
    for ending in endings:
        run, new = desk.run(ending.attempt.run_id), ending.settlement
        assert (run.state, run.reason) == (new.state, as_stored(new.reason.text))
        assert (run.failures, run.crashes) == (new.failures, new.crashes)
        assert run.result == new.result
        assert run.available_at == (NOON if new.available_at is None else new.available_at)
        assert run.finished_at == (None if new.state is State.SCHEDULED else NOON)


@pytest.mark.parametrize("text", [lambda _: NASTY, lambda n: f"{NASTY} {n}"])
def test_logged(desk: Desk, text: Callable[[int], str]) -> None:
    run_id = desk.running().run_id
    lines = [line(run_id, n, text(n)) for n in range(MANY)]
    desk.do(lambda tx: tx.log(lines))
    kept = desk.history.logs(run_id)
    assert [one.text for one in kept] == [as_stored(one.text) for one in lines]


def test_registered_and_their_planned_until(desk: Desk) -> None:
    tasks = [record(f"task {n}") for n in range(MANY)]
    assert list(desk.register(*tasks)) == [task.id for task in tasks]
    desk.plan(planned_until={task.id: NOON + 9 for task in tasks})
    assert {task.planned_until for task in desk.history.tasks()} == {NOON + 9}


def test_shapes_without_number_are_not_kept_without_number(desk: Desk) -> None:
    for shape in range(2 * MOST_SHAPES):
        names = [name for bit, name in enumerate(list(PLANNED)[1:]) if shape >> bit & 1]
        new = [
            desk.new(f"task {shape}", **{name: PLANNED[name](n) for name in names})
            for n in range(MANY)
        ]
        assert ids(desk.plan(*new)) == ids(new)
    assert len(INSERT_RUNS._compiled) <= MOST_SHAPES + 2  # and one of each dialect without


def as_stored(text: str) -> str:
    """The text as the ledger gives it back."""
    return text.replace("\x00", NUL)
