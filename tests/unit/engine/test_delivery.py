"""Whether a distributed engine delivers is judged by the work that comes."""

from __future__ import annotations

from rota.engine.health.delivery import STALLED
from tests.unit.engine.context import Bench


def stall(bench: Bench, task_id: str = "t") -> None:
    """Let messages of a task lie beside free slots for too long."""
    for _ in range(3):
        bench.delivery.look({task_id: 2})
        bench.clock.advance(STALLED / 2)


def test_messages_that_wait_beside_free_slots_are_a_trouble_after_a_while(bench: Bench) -> None:
    bench.unwritten()
    bench.delivery.look({"t": 2})
    assert bench.delivery.troubles() == []
    stall(bench)
    [trouble] = bench.delivery.troubles()
    assert "'default.async'" in trouble
    assert "2 messages wait and 4 slots are free" in trouble


def test_a_delivered_run_ends_the_trouble(bench: Bench) -> None:
    bench.unwritten()
    stall(bench)
    bench.delivery.answered(["t"])
    assert bench.delivery.troubles() == []


def test_a_node_that_is_full_or_takes_nothing_waits_for_nothing(bench: Bench) -> None:
    bench.unwritten()
    bench.context.in_flight.used["async"] = 4
    stall(bench)
    assert bench.delivery.troubles() == []
    bench.context.in_flight.used["async"] = 0
    bench.capacity.accepting = False
    stall(bench)
    assert bench.delivery.troubles() == []


def test_a_lane_of_other_nodes_is_theirs(bench: Bench) -> None:
    bench.unwritten(queue="gpu")
    bench.capacity.queues = frozenset({"default"})
    stall(bench)
    assert bench.delivery.troubles() == []
