"""Each loop of the engine is seen to turn, or named: in the health, by the doctor, on the pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import rota
from rota import composition
from rota.cli import project
from rota.core.run import State
from rota.core.time import Instant
from rota.diagnosis import running_node, thresholds
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually
from rota.web.pages.screens.nodes import _values as nodes_page
from tests.integration.engine.unanswering import UnansweringLedger

LOOPS = [
    "planner",
    "dispatcher",
    "recorder",
    "timeout_enforcer",
    "log_flusher",
    "heartbeat",
    "reaper",
    "change_poller",
    "pruner",
    "watchdog",
    "task_sync",
]


def tick() -> None:
    pass


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path, SystemClock(), lease_seconds=3)
    harness.manager.add_task(tick, "interval", "tick", seconds=0.2)
    with harness:
        yield harness


def on_the_loop(rig: Harness, do: Callable[[], object]) -> None:
    async def doing() -> None:
        do()

    rig.manager.services.engine.service_loop.call(doing)


def task_of(name: str) -> asyncio.Task[object]:
    return next(task for task in asyncio.all_tasks() if task.get_name() == f"rota {name}")


def reasons(rig: Harness) -> list[str]:
    found: list[str] = rig.manager.health()["reasons"]
    return found


def named(rig: Harness, name: str) -> str:
    return next((reason for reason in reasons(rig) if f"the {name} loop" in reason), "")


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_that_ends_is_named_and_turns_again(rig: Harness, name: str) -> None:
    eventually(lambda: rig.runs("tick"))
    on_the_loop(rig, lambda: task_of(name).cancel())
    reason = eventually(lambda: named(rig, name))
    assert "CancelledError" in reason
    assert rig.manager.health()["status"] == "degraded"
    eventually(lambda: rig.manager.health()["status"] == "healthy", what=lambda: reasons(rig)[0])
    so_far = rig.manager.services.engine.recorder.total
    eventually(lambda: rig.manager.services.engine.recorder.total >= so_far + 3)


def test_the_end_of_a_loop_is_logged_with_its_error(
    rig: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    on_the_loop(rig, lambda: task_of("pruner").cancel())
    eventually(lambda: named(rig, "pruner"))
    [record] = [one for one in caplog.records if "The pruner loop ended" in one.getMessage()]
    assert record.exc_info is not None


VERBS = {
    "planner": "plan",
    "recorder": "settle",
    "log_flusher": "log",
    "reaper": "running_of",
    "change_poller": "cancellations",
}
"""What a loop asks of the ledger, and no other does."""


talks, ends = threading.Event(), threading.Event()


def talk() -> None:
    talks.wait()
    rota.current_run().logger.info("a line")
    ends.wait()


@pytest.mark.parametrize("name", VERBS)
def test_a_loop_that_hangs_in_its_turn_is_named_everywhere(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "TURN_LONG", 0.5)
    talks.clear()
    ends.clear()
    rig = Harness(tmp_path, SystemClock(), lease_seconds=3, port=0)
    config = rig.manager.config
    ledger = UnansweringLedger(open_ledger(config.manager.ledger_url, clock=rig.clock), VERBS[name])
    rig.manager.services = composition.build(
        config, project=tmp_path, clock=rig.clock, ledger=ledger
    )
    rig.manager.add_task(tick, "interval", "tick", seconds=0.2)
    rig.manager.add_task(talk, "date", "talk", run_date="2100-01-01")
    with rig:
        try:
            run_id = rig.manager.run_task("talk")
            eventually(lambda: rig.manager.get_run(run_id).state is State.RUNNING)
            ledger.answers.clear()
            talks.set()
            eventually(lambda: "at one turn" in named(rig, name), what=lambda: str(reasons(rig)))
            rig.manager.services.engine.heartbeat.wake.set()

            def told_of_it() -> list[str]:
                shown = nodes_page(rig.manager, rig.manager.services.clock.now())["living"]
                return [
                    one.text
                    for node in shown
                    for one in node.unwell
                    if f"the {name} loop" in one.text
                ]

            eventually(told_of_it)
            health = running_node.health(config, partial(project.opened_ledger_if_any, config))
            assert any(f"the {name} loop" in reason for reason in health["reasons"])
        finally:
            talks.set()
            ends.set()
            ledger.answers.set()
        eventually(lambda: not named(rig, name), what=lambda: str(reasons(rig)))


def test_a_clock_that_has_lost_a_task_is_found_out(tmp_path: Path) -> None:
    rig = Harness(tmp_path, SystemClock())
    rig.manager.add_task(tick, "interval", "tick", seconds=1)
    with rig:
        eventually(lambda: rig.runs("tick"))
        rig.manager.services.engine.ticking.discard("tick")
        eventually(
            lambda: any("tick should have been planned" in one for one in reasons(rig)), within=40
        )


def test_a_task_whose_trigger_raises_stops_no_other(tmp_path: Path) -> None:
    rig = Harness(tmp_path, SystemClock())
    rig.manager.add_task(tick, "interval", "good", seconds=0.5)
    rig.manager.add_task(tick, "interval", "bad", seconds=0.5)
    entry = rig.manager.services.engine.registry.get("bad")
    assert entry is not None
    with rig:
        eventually(lambda: rig.runs("bad"))

        class Raising:
            @property
            def jitter(self) -> float:
                raise RuntimeError("this trigger is broken")

            def next_after(self, instant: Instant) -> Instant | None:
                raise RuntimeError("this trigger is broken")

        entry.trigger = Raising()  # type: ignore[assignment]
        eventually(lambda: any("the occurrences of bad cannot be" in one for one in reasons(rig)))
        so_far = len(rig.runs("good"))
        eventually(lambda: len(rig.runs("good")) >= so_far + 3)


def test_a_blocked_node_loop_is_reported_with_its_place(
    rig: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "ENGINE_STANDS", 0.6)
    go_on = threading.Event()
    loop = rig.manager.services.engine.service_loop._loop
    assert loop is not None
    loop.call_soon_threadsafe(go_on.wait, 30)
    try:
        reason = eventually(
            lambda: next((one for one in reasons_unread(rig) if "own loop has stood" in one), "")
        )
        assert "wait" in reason or "threading" in reason
    finally:
        go_on.set()
    eventually(lambda: rig.manager.health()["status"] == "healthy")


def reasons_unread(rig: Harness) -> list[str]:
    found: list[str] = rig.manager.health(unread="it is not asked")["reasons"]
    return found
