"""Silence counts by this node's own clock, and only while this node looked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rota.core.time import SECOND
from rota.engine.membership.lease_monitor import LeaseMonitor
from tests.unit.engine.context import LEASE, Bench

EVERY = 2.0


@pytest.fixture
def monitor(bench: Bench) -> LeaseMonitor:
    return LeaseMonitor(bench.clock, EVERY)


def test_a_node_is_silent_once_nothing_came_of_it_for_its_lease(
    bench: Bench, monitor: LeaseMonitor
) -> None:
    node = bench.join("other")
    assert monitor.of([node]) == set()
    for _ in range(5):
        bench.clock.advance(EVERY)
        assert monitor.of([node]) == set()
    bench.clock.advance(EVERY / 2)
    assert monitor.may_be_long()
    assert monitor.of([node]) == {"other"}


def test_a_sign_of_life_begins_the_lease_anew(bench: Bench, monitor: LeaseMonitor) -> None:
    node = bench.join("other")
    for _ in range(20):
        bench.clock.advance(EVERY)
        node = replace(
            node, seen_at=node.seen_at + 1, lease_until=node.seen_at + 1 + round(LEASE * SECOND)
        )
        assert monitor.of([node]) == set()


def test_a_node_that_was_suspended_declares_no_other_silent(
    bench: Bench, monitor: LeaseMonitor
) -> None:
    node = bench.join("other")
    monitor.of([node])
    bench.clock.advance(3_600)  # suspended: the others had no chance to be heard
    assert monitor.of([node]) == set()


def test_the_others_wall_clocks_do_not_matter(bench: Bench, monitor: LeaseMonitor) -> None:
    node = replace(bench.join("other"), seen_at=0, lease_until=round(LEASE * SECOND))
    monitor.of([node])
    bench.clock.advance(1)
    assert monitor.of([node]) == set()


def test_every_node_has_a_whole_lease_after_the_ledger_was_away(
    bench: Bench, monitor: LeaseMonitor
) -> None:
    node = bench.join("other")
    monitor.of([node])
    for _ in range(2):
        bench.clock.advance(2 * EVERY)
        monitor.of([node])
    monitor.forget()
    bench.clock.advance(2 * EVERY)
    assert not monitor.may_be_long()
    assert monitor.of([node]) == set()
