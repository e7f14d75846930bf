"""Runs that are given to an engine in the transaction that plans them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from rota.core.ports.records import Waiting
from rota.core.run import State
from rota.core.task import Overlap
from tests.conformance.ledger.desk import NOON, Desk, ids


class Engine:
    """Takes every run but those of some tasks."""

    def __init__(self, *unknown: str) -> None:
        self.given: list[str] = []
        self._unknown = unknown

    def publish(self, runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        known = [run.run_id for run in runs if run.task_id not in self._unknown]
        self.given += known
        return known


def plan(desk: Desk, engine: Engine, *runs: Any) -> list[str]:
    return ids(desk.do(lambda tx: tx.plan(runs, publish=engine.publish)))


def offered(desk: Desk) -> list[str]:
    """What an offer finds that is not published."""
    engine = Engine()
    desk.do(lambda tx: tx.offer(desk.now, 100, (), engine.publish))
    return engine.given


def test_what_need_not_wait_is_published_as_it_is_planned(desk: Desk) -> None:
    engine = Engine()
    planned = plan(desk, engine, *(desk.new(offered=True) for _ in range(3)), desk.new())
    assert engine.given == planned[:3]
    assert offered(desk) == planned[3:]
    assert [desk.run(id_).state for id_ in planned] == [State.QUEUED] * 4


def test_no_run_is_published_without_a_broker(desk: Desk) -> None:
    planned = ids(desk.plan(desk.new(offered=True)))
    assert offered(desk) == planned


def test_what_has_to_wait_for_its_task_is_not_published(desk: Desk) -> None:
    desk.running("busy")
    engine = Engine()
    new = [
        desk.new(name, NOON + n, offered=True, overlap=Overlap.QUEUE, queue_limit=5)
        for n, name in enumerate(["busy", "free", "free"])
    ]
    planned = plan(desk, engine, *new)
    assert engine.given == [planned[1]]


def test_what_is_skipped_missed_or_known_is_not_published(desk: Desk) -> None:
    engine = Engine()
    desk.running("busy")
    known = desk.new("known", NOON, offered=True)
    desk.plan(known)
    missed = desk.new("missed", NOON, offered=True, state=State.MISSED)
    skipped = desk.new("busy", NOON + 1, offered=True, overlap=Overlap.SKIP)
    fresh = desk.new("fresh", NOON, offered=True)
    plan(desk, engine, known._replace(id=desk.ids.new(desk.now)), missed, skipped, fresh)
    assert engine.given == [fresh.id]
    assert desk.run(skipped.id).state is State.SKIPPED


def test_what_a_later_row_replaces_is_not_published(desk: Desk) -> None:
    engine = Engine()
    first, second = (
        desk.new("t", NOON + n, offered=True, overlap=Overlap.REPLACE) for n in range(2)
    )
    plan(desk, engine, first, second)
    assert engine.given in ([], [second.id])
    assert desk.run(first.id).state is State.CANCELLED
    assert {*engine.given, *offered(desk)} == {second.id}


def test_what_the_engine_does_not_take_is_offered_again(desk: Desk) -> None:
    planned = plan(desk, Engine("t"), desk.new(offered=True))
    assert offered(desk) == planned


def test_where_the_engine_fails_nothing_is_planned(desk: Desk) -> None:
    def fails(runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        raise RuntimeError("away")

    run = desk.new(offered=True)
    with pytest.raises(RuntimeError, match="away"):
        desk.do(lambda tx: tx.plan([run], publish=fails))
    assert desk.states() == []
