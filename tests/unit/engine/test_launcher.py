"""The launcher starts no attempt before its instant, and each one that cannot start ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from rota.core.outcome import OutcomeKind
from rota.core.ports.executor import AttemptSpec
from rota.core.time import SECOND
from rota.core.trigger import LEAD
from rota.engine.running.launcher import Launcher
from tests.unit.engine.context import LEASE, Bench, Held, ends, heard, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def held(bench: Bench) -> Held:
    """The executor of all tasks."""
    bench.executors["async"] = executor = Held()
    return executor


async def test_an_attempt_has_its_slot_and_is_watched_before_it_starts(
    bench: Bench, held: Held
) -> None:
    await bench.heartbeat.join()
    bench.known()
    claim, order = bench.claimed(arguments={"a": 1}), list[str]()
    bench.signals.attempts_taken.connect(lambda _: order.append(f"{len(held.submitted)} started"))
    bench.launcher().start([(claim, bench.now)])
    [call] = held.submitted
    assert order == ["0 started"]
    assert (call.run_id, call.kwargs) == (claim.run_id, {"a": 1})
    assert bench.capacity.free("async") == 3


async def test_an_attempt_that_was_claimed_early_starts_at_its_instant(
    bench: Bench, held: Held
) -> None:
    await bench.heartbeat.join()
    bench.known()
    taken = heard(bench.signals.attempts_taken)
    early = LEAD // 20
    bench.launcher().start([(bench.claimed(), bench.now + early)])
    assert taken
    assert held.submitted == []
    bench.clock.advance(early / SECOND)
    await until(lambda: held.submitted)


async def test_an_attempt_started_when_it_was_handed_over_not_when_it_was_claimed(
    bench: Bench, held: Held
) -> None:
    await bench.heartbeat.join()
    bench.known()
    taken, early, late = heard(bench.signals.attempts_taken), LEAD // 20, 3
    bench.launcher().start([(bench.claimed(), due := bench.now + early)])
    [[[flight]]] = taken
    assert flight.started_at == due
    bench.clock.advance(early / SECOND + late)  # this node's loop was busy meanwhile
    await until(lambda: held.submitted)
    assert flight.started_at == due + late * SECOND


async def test_nothing_starts_while_the_lease_may_be_lost(bench: Bench, held: Held) -> None:
    await bench.heartbeat.join()
    bench.known()
    claim = bench.claimed()
    bench.clock.advance(LEASE)  # this node was frozen since it claimed
    bench.launcher().start([(claim, bench.now)])
    assert held.submitted == []
    assert bench.heartbeat.wake.pending_since is not None
    await bench.heartbeat.beat()
    await until(lambda: held.submitted)


async def test_an_attempt_that_was_cancelled_before_it_starts_ends_so(
    bench: Bench, held: Held
) -> None:
    await bench.heartbeat.join()
    bench.known()
    ended, taken = ends(bench), heard(bench.signals.attempts_taken)
    bench.launcher().start([(bench.claimed(), bench.now + LEAD // 20)])
    taken[0][0][0].stopped_at = bench.clock.monotonic()
    bench.clock.advance(LEAD / SECOND)
    await until(lambda: ended)
    assert ended[0][1].kind is OutcomeKind.CANCELLED
    assert held.submitted == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"damage": "column x"}, "its row is damaged"), ({"arguments": [1]}, "no names with values")],
)
async def test_what_cannot_be_started_ends_with_the_reason_and_keeps_nothing_else_from_it(
    bench: Bench, held: Held, changes: dict[str, Any], why: str
) -> None:
    await bench.heartbeat.join()
    ended = ends(bench)
    bench.known()
    bad, good = bench.claimed()._replace(**changes), bench.claimed()
    bench.launcher().start([(bad, bench.now), (good, bench.now)])
    [(call, outcome)] = ended
    assert call.run_id == bad.run_id
    assert why in str(outcome.error)
    assert [one.run_id for one in held.submitted] == [good.run_id]


async def test_a_run_that_could_not_be_judged_ends_with_that_error(
    bench: Bench, held: Held
) -> None:
    await bench.heartbeat.join()
    ended = ends(bench)
    bench.known()
    claim = bench.claimed()
    bench.launcher().start([(claim, bench.now)], {claim.run_id: TypeError("no instant")})
    assert "no instant" in str(ended[0][1].error)


async def test_what_an_executor_refuses_ends(bench: Bench) -> None:
    class Full(Held):
        def submit(self, calls: Collection[AttemptSpec], done: Any) -> None:
            raise OSError("no thread to be had")

    bench.executors["async"] = Full()
    await bench.heartbeat.join()
    ended = ends(bench)
    bench.known()
    bench.launcher().start([(bench.claimed(), bench.now)])
    assert "no thread to be had" in str(ended[0][1].error)


async def test_a_task_that_was_discarded_meanwhile_takes_no_slot(bench: Bench, held: Held) -> None:
    await bench.heartbeat.join()
    bench.known()
    claim = bench.claimed()
    bench.context.registry.discard("t")
    launcher = Launcher(bench.context, bench.executors, bench.heartbeat, log_limit=1)
    launcher.start([(claim, bench.now)])
    assert held.submitted == []
    assert bench.capacity.free("async") == 4
