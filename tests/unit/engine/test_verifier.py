"""The verifier compares the record with the rules, on one node at a time, and fills holes."""

from __future__ import annotations

import pytest

from rota.core.run import State
from rota.core.time import MINUTE, SECOND
from rota.core.verification.findings import Code
from rota.diagnosis.verified import VERIFIED
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.upkeep import verifier as module
from rota.engine.upkeep.verifier import EVERY, Verifier
from rota.errors import LedgerError
from tests.unit.engine.context import Bench

pytestmark = pytest.mark.asyncio


@pytest.fixture
def verifier(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Verifier:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return Verifier(bench.context, bench.heartbeat, bench.ids)


async def hole_of(bench: Bench) -> RegisteredTask:
    """A task of which occurrences passed as planned, and have no row."""
    await bench.heartbeat.join()
    entry = bench.known(seconds=60, overlap="allow")
    bench.clock.advance(10 * MINUTE / SECOND)
    await bench.heartbeat.beat()
    planned_until = {"t": bench.now - MINUTE}
    bench.do(lambda tx: tx.plan((), planned_until))
    return entry


async def test_a_sound_record_has_no_finding_and_the_turn_is_noted(
    bench: Bench, verifier: Verifier
) -> None:
    await bench.heartbeat.join()
    bench.known(seconds=3_600)
    assert await verifier.turn(again=0) == []
    mark = bench.ledger.real_history.evidence.marks()[VERIFIED]
    assert (mark.at, mark.until) == (bench.now, bench.now + EVERY)


async def test_a_hole_is_found_and_gets_a_row_that_says_so(
    bench: Bench, verifier: Verifier
) -> None:
    await hole_of(bench)
    found = await verifier.turn(again=0)
    assert found is not None
    assert {one.code for one in found} == {Code.HOLE}
    rows = bench.runs()
    assert rows
    assert {row.state for row in rows} == {State.MISSED}
    bench.clock.advance(EVERY / SECOND)
    assert await verifier.turn(again=0) == []


async def test_a_turn_that_another_node_has_is_left_to_it(bench: Bench, verifier: Verifier) -> None:
    await hole_of(bench)
    bench.do(lambda tx: tx.take_mark(VERIFIED, bench.now, bench.now + EVERY))
    assert await verifier.turn(again=0) is None
    assert bench.runs() == []


async def test_a_node_that_was_out_of_touch_meanwhile_finds_nothing(
    bench: Bench, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hole_of(bench)
    monkeypatch.setattr(verifier, "_planners", lambda: _lose_touch(bench))
    assert await verifier.turn(again=0) is None
    assert bench.runs() == [], "what is late may still be planned"


async def test_while_the_ledger_is_away_the_next_turn_does_it(
    bench: Bench, verifier: Verifier
) -> None:
    await hole_of(bench)
    with bench.away(), pytest.raises(LedgerError):
        await verifier.turn(again=0)
    assert await verifier.turn(again=0)


def _lose_touch(bench: Bench) -> object:
    bench.heartbeat.gaps += 1
    return lambda _: ()
