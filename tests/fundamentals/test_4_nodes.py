"""Several processes on one ledger run each occurrence once, and a restart forgets nothing."""

from __future__ import annotations

from pathlib import Path

from rota.core.run import State
from rota.testing import FakeClock, Harness, eventually


async def tick() -> None:
    pass


def test_two_nodes_run_an_occurrence_once(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as one, Harness(tmp_path, clock) as two:
        for node in (one, two):
            node.manager.add_task(tick, "cron", "tick", minute="*")
        clock.advance(60)
        for node in (one, two):
            node.manager.services.engine.poke()
        [run] = one.ended("tick")
        assert run.state is State.SUCCEEDED
        assert [same.id for same in two.runs("tick")] == [run.id]


def test_a_pause_holds_after_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute="*")
        harness.manager.pause_task("tick", reason="holiday")
    with Harness(tmp_path, clock) as harness:
        task = harness.manager.add_task(tick, "cron", "tick", minute="*")
        assert (task.paused, task.pause_reason) == (True, "holiday")
        harness.advance(60)
        harness.manager.resume_task("tick")
        harness.advance(60)
        assert len(harness.ended("tick")) == 1


def test_a_change_that_is_made_on_one_node_holds_on_the_other(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as one, Harness(tmp_path, clock) as two:
        for node in (one, two):
            node.manager.add_task(tick, "cron", "tick", minute="*")
        one.manager.edit_task("tick", enabled=False, reason="too noisy")

        def is_disabled() -> bool:
            task = two.manager.get_task("tick")
            return task is not None and not task.enabled

        eventually(is_disabled)


def test_every_change_leaves_a_line_in_the_audit(tmp_path: Path) -> None:
    with Harness(tmp_path) as harness:
        harness.manager.add_task(tick, "cron", "tick", minute="*")
        harness.manager.pause_task("tick", reason="holiday")
        harness.manager.resume_task("tick", reason="back again")
        newest = harness.manager.history.audit().changes
    assert [(change.verb, change.reason) for change in newest][:2] == [
        ("resume", "back again"),
        ("pause", "holiday"),
    ]
