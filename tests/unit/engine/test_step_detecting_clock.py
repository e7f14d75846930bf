"""A clock that was set is noticed, however briefly it was wrong, if anybody read it."""

from __future__ import annotations

import pytest

from rota.engine.upkeep.step_detecting_clock import StepDetectingClock
from rota.testing import FakeClock


@pytest.fixture
def machine() -> FakeClock:
    return FakeClock()


@pytest.fixture
def clock(machine: FakeClock) -> StepDetectingClock:
    return StepDetectingClock(machine)


def test_time_that_passes_is_no_step(machine: FakeClock, clock: StepDetectingClock) -> None:
    machine.advance(3_600)
    clock.now()
    assert clock.step() == 0


@pytest.mark.parametrize("span", [-3_600.0, -1.0, 1.0, 3_600.0])
def test_a_clock_step_is_logged_once(
    machine: FakeClock, clock: StepDetectingClock, span: float
) -> None:
    clock.now()
    machine.step(span)
    assert clock.step() == pytest.approx(span)
    assert clock.step() == 0


def test_a_clock_that_was_ahead_for_a_moment_is_noticed_if_it_was_read(
    machine: FakeClock, clock: StepDetectingClock
) -> None:
    machine.step(60)
    clock.now()
    machine.step(-60)
    assert clock.step() == pytest.approx(-60)
    machine.step(60)
    machine.step(-60)
    assert clock.step() == 0, "nobody read it"


def test_small_steps_add_up(machine: FakeClock, clock: StepDetectingClock) -> None:
    machine.step(0.3)
    assert clock.step() == 0
    machine.step(0.3)
    assert clock.step() == pytest.approx(0.6)


def test_what_is_known_of_a_clock_can_be_forgotten(
    machine: FakeClock, clock: StepDetectingClock
) -> None:
    machine.step(60)
    clock.forget()
    assert clock.step() == 0
