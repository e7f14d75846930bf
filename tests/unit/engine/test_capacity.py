"""What a node takes: the runs of which tasks, and for how many there is room."""

from __future__ import annotations

from rota.core.ports.executor import Stuck
from rota.engine.running.stuck_attempts import StuckAttempts
from tests.unit.engine.context import Bench, Held


def test_slots_are_free_until_something_is_in_flight_or_kept(bench: Bench) -> None:
    assert (bench.capacity.slots, bench.capacity.free("async")) == (4, 4)
    bench.context.in_flight.keep("a", "async")
    assert (bench.capacity.slots, bench.capacity.free("async")) == (4, 3)
    bench.context.in_flight.give_back("a")
    assert bench.capacity.free("async") == 4


def test_a_mere_scheduler_has_no_slots_for_others_to_see(bench: Bench) -> None:
    bench.capacity.working = False
    assert bench.capacity.slots == 0
    assert not bench.capacity.is_delivered_to


def test_a_node_serves_its_queues_or_the_one_task_that_it_was_started_for(bench: Bench) -> None:
    plain, painting = bench.unwritten(), bench.unwritten("painting", queue="gpu")
    assert bench.capacity.lanes() == {"default.async": 4, "gpu.async": 4}
    bench.capacity.queues = frozenset({"gpu"})
    assert [bench.capacity.serves(one) for one in (plain, painting)] == [False, True]
    assert bench.capacity.lanes() == {"gpu.async": 4}
    bench.capacity.only = "t"
    assert bench.capacity.serves(plain)
    assert not bench.capacity.is_delivered_to


def test_what_is_stuck_here_counts_more_than_what_was_heard_of_other_nodes() -> None:
    class Full(Held):
        def stuck(self) -> list[Stuck]:
            return [Stuck("a", "t", "work.py:3", 0.0)]

    stuck = StuckAttempts([Full(), Held()])
    stuck.elsewhere = {"t": "there", "other": "there"}
    assert stuck.here() == {"t": "work.py:3"}
    assert stuck.anywhere() == {"t": "is still stuck at work.py:3", "other": "there"}
