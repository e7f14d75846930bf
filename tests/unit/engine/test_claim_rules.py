"""Which waiting runs a node claims: pure but for what the node knows."""

from __future__ import annotations

import pytest

from rota.core.ports.records import Waiting
from rota.core.task import Overlap
from rota.core.time import SECOND
from tests.unit.engine.context import Bench

FREE = {"async": 2}


def waiting(bench: Bench, task_id: str = "t", number: int = 1, since: float = 0) -> Waiting:
    at = bench.now - round(since * SECOND)
    return Waiting(f"run {number}", task_id, at, at, 0, exclusive=False)


def test_as_many_are_claimed_as_there_are_free_slots(bench: Bench) -> None:
    bench.unwritten()
    judge = bench.rules.round(FREE)
    verdict = judge([waiting(bench, number=number) for number in range(3)])
    assert verdict.take == ["run 0", "run 1"]
    assert judge.kept == {"run 2"}
    assert judge.busy == {"async"}
    assert bench.context.in_flight.coming == {"run 0", "run 1"}


def test_a_repeated_operation_is_judged_from_the_start(bench: Bench) -> None:
    bench.unwritten()
    judge = bench.rules.round(FREE)
    runs = [waiting(bench, number=number) for number in range(2)]
    assert judge(runs) == judge(runs)


def test_a_task_that_is_not_known_here_is_left_to_others(bench: Bench) -> None:
    judge = bench.rules.round(FREE)
    assert judge([waiting(bench)]).take == []
    assert judge.refused == {"t"}


def test_a_queue_that_is_not_served_here_is_left_unless_its_task_was_asked_for(
    bench: Bench,
) -> None:
    bench.unwritten(queue="gpu")
    bench.capacity.queues = frozenset({"default"})
    assert bench.rules.round(FREE)([waiting(bench)]).take == []
    bench.capacity.only = "t"
    assert bench.rules.round(FREE)([waiting(bench)]).take == ["run 1"]
    bench.capacity.only = "another"
    assert bench.rules.round(FREE)([waiting(bench)]).take == []


def test_a_run_that_is_too_late_is_missed_with_the_reason(bench: Bench) -> None:
    bench.unwritten(start_deadline=30)
    judge = bench.rules.round(FREE)
    in_time, late = waiting(bench, since=29), waiting(bench, number=2, since=31)
    verdict = judge([in_time, late])
    assert verdict.take == ["run 1"]
    [(run_id, reason)] = verdict.miss
    assert run_id == "run 2"
    assert "start_deadline" in reason
    assert judge.missed


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_task_that_is_stuck_anywhere_starts_only_if_its_runs_may_overlap(
    bench: Bench, overlap: Overlap
) -> None:
    bench.unwritten(overlap=overlap)
    bench.stuck.elsewhere = {"t": "work.py:3 on node b"}
    taken = bench.rules.round(FREE)([waiting(bench)]).take
    assert taken == (["run 1"] if overlap is Overlap.ALLOW else [])


def test_a_run_that_cannot_be_judged_is_claimed_to_end_with_the_error(bench: Bench) -> None:
    bench.unwritten(start_deadline=30)
    judge = bench.rules.round(FREE)
    damaged = waiting(bench)._replace(fire_time="noon")  # type: ignore[arg-type]
    assert judge([damaged, waiting(bench, number=2)]).take == ["run 1", "run 2"]
    assert isinstance(judge.unjudged["run 1"], TypeError)
