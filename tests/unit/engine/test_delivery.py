"""Whether a distributed engine delivers is judged by the work that comes."""

from __future__ import annotations

from rota.diagnosis import thresholds
from rota.diagnosis.health import stalled
from tests.unit.engine.context import Bench


def stall(bench: Bench, task_id: str = "t") -> None:
    """Let messages of a task lie beside free slots for too long."""
    for _ in range(3):
        bench.delivery.look({task_id: 2})
        bench.clock.advance(thresholds.STALLED / 2)


def test_messages_that_wait_beside_free_slots_are_a_trouble_after_a_while(bench: Bench) -> None:
    bench.unwritten()
    bench.delivery.look({"t": 2})
    assert stalled(bench.delivery.stalls()) == []
    stall(bench)
    [trouble] = stalled(bench.delivery.stalls())
    assert "'default.async'" in trouble.text
    assert "2 messages wait and 4 slots are free" in trouble.text


def test_a_delivered_run_ends_the_trouble(bench: Bench) -> None:
    bench.unwritten()
    stall(bench)
    bench.delivery.answered(["t"])
    assert stalled(bench.delivery.stalls()) == []


def test_a_node_that_is_full_or_takes_nothing_waits_for_nothing(bench: Bench) -> None:
    bench.unwritten()
    bench.context.in_flight.used["async"] = 4
    stall(bench)
    assert stalled(bench.delivery.stalls()) == []
    bench.context.in_flight.used["async"] = 0
    bench.capacity.accepting = False
    stall(bench)
    assert stalled(bench.delivery.stalls()) == []


def test_a_queue_of_other_nodes_is_left_to_them(bench: Bench) -> None:
    bench.unwritten(queue="gpu")
    bench.capacity.queues = frozenset({"default"})
    stall(bench)
    assert stalled(bench.delivery.stalls()) == []
