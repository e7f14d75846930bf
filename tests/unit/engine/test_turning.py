"""What a loop of the engine tells of its turns, and what of that is a trouble."""

from __future__ import annotations

import pytest

from rota.diagnosis import thresholds
from rota.diagnosis.vitals import of_loop
from rota.engine.health.turning import Turning


def trouble(one: Turning, *, ledger_waits: bool = False) -> str:
    found = of_loop(one.look(), ledger_waits=ledger_waits)
    return "" if found is None else found.text


def test_a_loop_is_judged_by_what_waits_for_it_and_by_when_it_should_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = [100.0]
    monkeypatch.setattr("rota.engine.health.turning.time.monotonic", lambda: moment[0])
    pending: list[float] = []
    one = Turning("planner", pending_since=lambda: pending[0] if pending else None)
    one.begin()
    with one.resting(None):
        moment[0] += 1_000
        assert trouble(one) == ""
        pending.append(moment[0])
        moment[0] += thresholds.TURN_LATE + 1
        assert trouble(one) == ("the planner loop has work waiting and did not turn for 6 s")
        pending.clear()
    with one.resting(2.0):
        moment[0] += 6.5
        assert trouble(one) == ""
        moment[0] += 1
        assert trouble(one) == "the planner loop has not turned for 8 s"
    moment[0] += thresholds.TURN_LONG
    assert trouble(one, ledger_waits=True) == ""
    assert trouble(one) == "the planner loop has been at one turn for 10 s"
    one.turn()
    assert trouble(one) == ""


def test_a_loop_that_failed_is_well_once_it_has_turned() -> None:
    one = Turning("planner", pending_since=lambda: None)
    one.begin()
    one.failed("ValueError: this")
    one.failed("ValueError: this")
    one.begin()
    with one.resting(None):
        assert trouble(one) == (
            "the planner loop ended and is started again 2 times: ValueError: this"
        )
    assert trouble(one) != ""
    with one.resting(None):
        assert trouble(one) == ""
