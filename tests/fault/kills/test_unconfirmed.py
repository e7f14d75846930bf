"""What the ledger says of a living node and is not so, and a node that others declared gone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rota
from rota.core.ids import RunIds
from rota.core.lifecycle import settle
from rota.core.outcome import Outcome, OutcomeKind
from rota.core.ports.records import AttemptEnd, NewRun, Orphan
from rota.core.reasons.run_reason import NO_REASON
from rota.core.run import Attempt, Cause, State
from rota.core.task import Overlap
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

begun: list[tuple[str, int]] = []
release = threading.Event()


def note() -> None:
    run = rota.current_run()
    begun.append((run.id, run.attempt))


def deaf() -> None:
    note()
    while not release.is_set():
        print("deaf")  # noqa: T201  # it is captured
        time.sleep(0.02)


async def obedient() -> None:
    note()
    if rota.current_run().attempt == 1:
        await asyncio.sleep(600)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    begun.clear()
    release.clear()
    with Harness(tmp_path, clock=SystemClock(), lease_seconds=3) as rig:
        for func in (note, deaf, obedient):
            rig.manager.add_task(func, "date", func.__name__, run_date="2100-01-01")
        yield rig
        release.set()


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_run_that_a_living_node_holds_and_does_not_run_is_handed_back(
    rig: Harness, cancelled: bool
) -> None:
    engine, now = rig.manager.services.engine, rig.clock.now()
    run_id = RunIds().new(now)
    claimed = NewRun(run_id, "note", None, Cause.MANUAL, State.QUEUED, NO_REASON, now, now,
                     Overlap.ALLOW, claim=engine.identity.id)  # fmt: skip
    # As if the answer to the claim had been lost for good.
    engine.ledger.write(lambda tx: tx.plan([claimed])).result()
    assert rig.manager.get_run(run_id).state is State.RUNNING
    if cancelled:
        rig.manager.cancel_run(run_id, reason="enough")
    eventually(lambda: rig.manager.get_run(run_id).state in (State.SUCCEEDED, State.CANCELLED))
    run = rig.manager.get_run(run_id)
    first, *_ = rig.manager.history.attempts(run_id)
    assert (first.outcome, run.crashes) == (OutcomeKind.CANCELLED, 0)
    assert "never began it" in str(first.error)
    if cancelled:
        assert (run.state, run.reason, begun) == (State.CANCELLED, "enough", [])
    else:
        assert begun == [(run_id, 2)]


def test_what_runs_here_is_never_handed_back(rig: Harness) -> None:
    run_id = rig.manager.run_task("deaf")
    eventually(lambda: begun)
    engine = rig.manager.services.engine
    for _ in range(3):
        assert engine.service_loop.call(engine.reaper.reap) == []
    release.set()
    eventually(lambda: rig.manager.get_run(run_id).state is State.SUCCEEDED)
    assert begun == [(run_id, 1)]


def test_declared_gone_it_lets_go_of_everything_and_joins_anew(rig: Harness) -> None:
    engine, history = rig.manager.services.engine, rig.manager.history
    stuck, cut = rig.manager.run_task("deaf"), rig.manager.run_task("obedient")
    eventually(lambda: len(begun) == 2)
    old = engine.identity.id
    engine.ledger.write(lambda tx: tx.reap(_crashed, history.nodes())).result()
    lines = len(history.logs(stuck))
    eventually(lambda: rig.manager.get_run(cut).state is State.SUCCEEDED)
    assert engine.identity.id != old
    assert {node.id: node.state for node in history.nodes()} == {
        old: "gone",
        engine.identity.id: "up",
    }
    assert begun.count((cut, 2)) == 1
    # The thread that would not stop is known as such, and its task does not start beside it.
    assert [one["run_id"] for one in rig.manager.health()["stuck"]] == [stuck]
    assert rig.manager.get_run(stuck).state is State.QUEUED
    release.set()
    eventually(lambda: rig.manager.get_run(stuck).state is State.SUCCEEDED)
    assert len([line for line in history.logs(stuck) if line.attempt == 1]) == lines
    assert not any(engine.in_flight.used.values())


def _crashed(orphan: Orphan) -> AttemptEnd:
    run, outcome = orphan.run, Outcome(OutcomeKind.CRASHED, error="its node is gone")
    now = run.attempt_started_at or 0
    attempt = Attempt(run.id, run.attempt, run.node or "", now, now, outcome.kind, outcome.error)
    settlement = settle(
        outcome, run_id=run.id, failures=0, crashes=0, policy=orphan.policy, now=now
    )
    return AttemptEnd(attempt, run.fence, settlement)
