"""What is said of a task while no node is up is planned by what held when."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.property.planning.test_derived import Planning


@pytest.fixture
def planning() -> Iterator[Planning]:
    machine = Planning()
    machine.begin(period=7, overlap="allow", two=False)
    machine.advance(20)
    machine.stop_node()
    machine.advance(30)
    yield machine
    machine.teardown()


def edited(machine: Planning) -> None:
    machine.edit(period=4)


def edited_twice(machine: Planning) -> None:
    machine.edit(period=4)
    machine.advance(61)
    machine.edit(period=1)


def taken_back(machine: Planning) -> None:
    machine.edit(period=4)
    machine.advance(20)
    machine.reset()


def edited_between_pauses(machine: Planning) -> None:
    machine.pause(span=10)
    machine.advance(20)
    machine.edit(period=4)
    machine.advance(5)
    machine.pause(span=None)
    machine.advance(8)
    machine.resume()


def edited_while_disabled(machine: Planning) -> None:
    machine.disable()
    machine.advance(20)
    machine.edit(period=4)
    machine.advance(20)
    machine.enable()


def edited_and_changed_in_the_code(machine: Planning) -> None:
    machine.edit(period=4)
    machine.advance(20)
    machine.restart_with_other_code(period=30)
    machine.stop_node()


def changed_in_the_code(machine: Planning) -> None:
    machine.restart_with_other_code(period=4)
    machine.stop_node()


@pytest.mark.parametrize(
    "said",
    [
        *(edited, edited_twice, taken_back, edited_between_pauses, edited_while_disabled),
        *(edited_and_changed_in_the_code, changed_in_the_code),
    ],
)
def test_each_stretch_is_planned_by_its_own_rule(
    planning: Planning, said: Callable[[Planning], None]
) -> None:
    said(planning)
    planning.advance(30)
    planning.restart()
    planning.there_is_a_row_of_each_instant_that_needs_one()
    planning.advance(20)
    planning.stop_node()  # and what is planned is planned once
    planning.restart()
    planning.there_is_a_row_of_each_instant_that_needs_one()
