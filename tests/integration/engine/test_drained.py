"""A drained node takes no new runs, ends what it runs, and may be taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.core.audit import AuditFilter, Verb
from rota.core.run import State
from rota.errors import UnknownNodeError
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

opened, begun = threading.Event(), threading.Event()


def waits() -> None:
    begun.set()
    assert opened.wait(60)


def greet() -> None:
    pass


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[tuple[Harness, Harness]]:
    opened.clear()
    begun.clear()
    names = ("one", "two")
    one, two = (Harness(tmp_path, SystemClock(), node=name) for name in names)
    for rig in (one, two):
        rig.manager.add_task(greet, id="greet")
        rig.manager.add_task(waits, id="waits")
    with one:
        yield one, two


def is_drained(rig: Harness) -> bool:
    return rig.manager.services.engine.capacity.drained


def node_of(rig: Harness, name: str) -> str:
    return next(one.state for one in rig.manager.history.nodes() if one.name == name)


def test_a_drained_node_ends_what_it_runs_and_leaves_the_rest_to_others(
    rigs: tuple[Harness, Harness],
) -> None:
    one, two = rigs
    running = one.manager.run_task("waits")
    assert begun.wait(60)
    assert one.manager.drain_node("one", reason="an update").state == "draining"
    eventually(lambda: is_drained(one))
    waiting = one.manager.run_task("greet")
    assert one.manager.get_run(waiting).state is State.QUEUED
    opened.set()
    one.manager.services.engine.wait_for(running)
    assert one.manager.get_run(waiting).state is State.QUEUED
    with two:
        two.manager.services.engine.wait_for(waiting)
        run = two.manager.get_run(waiting)
        assert (run.state, run.node) == ("succeeded", two.manager.services.engine.identity.id)
    assert node_of(one, "one") == "draining"


def test_a_node_that_is_taken_back_takes_what_waits(rigs: tuple[Harness, Harness]) -> None:
    one, _ = rigs
    one.manager.drain_node("one")
    eventually(lambda: is_drained(one))
    waiting = one.manager.run_task("greet")
    assert one.manager.undrain_node("one").state == "up"
    one.manager.services.engine.wait_for(waiting)
    assert one.manager.get_run(waiting).state is State.SUCCEEDED


def test_each_change_has_one_row_in_the_audit(rigs: tuple[Harness, Harness]) -> None:
    one, _ = rigs
    for _ in range(2):
        one.manager.drain_node("one", reason="an update")
    for _ in range(2):
        one.manager.undrain_node("one")
    verbs = [Verb.DRAIN, Verb.UNDRAIN]
    changes = one.manager.history.audit(AuditFilter(verbs=verbs)).changes
    assert [(one.verb, one.reason) for one in changes] == [("undrain", ""), ("drain", "an update")]
    assert changes[0].after is not None
    assert changes[0].after["node"] == "one"


def test_an_unknown_node_is_refused_with_the_nearest_name(rigs: tuple[Harness, Harness]) -> None:
    one, _ = rigs
    with pytest.raises(UnknownNodeError, match="onne") as raised:
        one.manager.drain_node("onne")
    assert "one" in raised.value.remedy
