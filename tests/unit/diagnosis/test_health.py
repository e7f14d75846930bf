"""What a node measures of itself becomes the findings of its health, each with its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rota.core.limits import GroupLimit
from rota.core.ports.history import History
from rota.core.ports.records import Backlog, Damage, Edits, StoredTask, TaskRecord
from rota.core.reasons import ReasonCode, TroubleCode
from rota.core.task import Overlap, Policy
from rota.core.time import SECOND
from rota.diagnosis import thresholds
from rota.diagnosis.health import code, damaged, is_grave, report
from rota.diagnosis.node_state import NodeState, Stall, StuckAttempt
from rota.diagnosis.vitals import LoopTurn, Vitals, troubles
from rota.diagnosis.waits import Wait, WaitFacts, overdue_waits, wait_of
from rota.ledger import open_ledger
from rota.runtime.log_queue import LogDelivery
from rota.runtime.system_clock import SystemClock
from tests.integration.cli.test_live import NOW, RUN

WELL = Vitals(log=LogDelivery(), loops=[LoopTurn("planner", True, 1.0)], tick_age=0.1, latency=0.01)
NODE = NodeState(
    name="a",
    is_running=True,
    vitals=WELL,
    ledger_url="memory://",
    tasks=1,
    running=0,
    stuck=(),
    blocked=None,
    clock_ahead=None,
    broken_tasks={},
    broker=(),
    stalls=(),
    frozen=None,
)
MEASURED: list[tuple[dict[str, Any], TroubleCode]] = [
    ({"tick_age": 5.1}, TroubleCode.TICK_LATE),
    ({"stands": (3.0, "x.py:1")}, TroubleCode.ENGINE_STANDS),
    ({"loops": [LoopTurn("p", True, 1.0, error="ValueError: no")]}, TroubleCode.LOOP_ENDED),
    ({"loops": [LoopTurn("p", False, 11.0)]}, TroubleCode.LOOP_TURN),
    ({"loops": [LoopTurn("p", True, 9.0, overdue=6.0)]}, TroubleCode.LOOP_LATE),
    ({"loops": [LoopTurn("p", True, 9.0, work_waits=6.0)]}, TroubleCode.LOOP_LATE),
    ({"unplanned": [("t", 6.0)]}, TroubleCode.UNPLANNED),
    ({"refused": {"t": "ValueError: no"}}, TroubleCode.UNPLANNABLE),
    ({"unwritten": (2, 5.1)}, TroubleCode.UNWRITTEN),
    ({"log": LogDelivery(held=2.1)}, TroubleCode.LOG_HELD),
    ({"log": LogDelivery(is_full=True)}, TroubleCode.LOG_FLOOD),
    ({"log": LogDelivery(waited=5.1)}, TroubleCode.LOG_SLOW),
    ({"log": LogDelivery(error="ValueError", error_age=1.0)}, TroubleCode.LOG_RAISES),
]
KNOWN: list[tuple[dict[str, Any], TroubleCode]] = [
    ({"vitals": replace(WELL, away=(1.0, "locked"))}, TroubleCode.LEDGER_AWAY),
    ({"vitals": replace(WELL, latency=2.1)}, TroubleCode.LEDGER_SLOW),
    ({"stuck": [StuckAttempt("t", "r", "x.py:1", 1.0)]}, TroubleCode.ATTEMPT_STUCK),
    ({"blocked": (1.0, "t", "x.py:1")}, TroubleCode.LOOP_BLOCKED),
    ({"clock_ahead": -1.1}, TroubleCode.CLOCKS_APART),
    ({"broken_tasks": {"t": "hour=25"}}, TroubleCode.TASK_BROKEN),
    ({"broker": ["refused"]}, TroubleCode.BROKER_AWAY),
    ({"stalls": [Stall("default.async", 10.0, 2, 1)]}, TroubleCode.BROKER_STALLED),
]


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    ledger = open_ledger("memory://", clock=SystemClock())
    ledger.open()
    yield ledger.history
    ledger.close()


def health(history: History, state: NodeState = NODE, **more: Any) -> dict[str, Any]:
    return report(state, history, NOW, lambda now: [], **more)


def test_a_node_that_does_its_work_is_healthy(history: History) -> None:
    found = health(history)
    assert (found["status"], found["reasons"], found["findings"]) == ("healthy", [], [])
    assert not is_grave(found)


@pytest.mark.parametrize(("measured", "expected"), MEASURED)
def test_each_measure_past_its_threshold_is_one_trouble(
    measured: dict[str, Any], expected: TroubleCode
) -> None:
    assert [one.code for one in troubles(replace(WELL, **measured))] == [expected]


@pytest.mark.parametrize(("known", "expected"), KNOWN)
def test_each_state_of_a_node_is_one_finding_of_its_health(
    history: History, known: dict[str, Any], expected: TroubleCode
) -> None:
    found = health(history, replace(NODE, **known))
    assert found["status"] == "degraded"
    (finding,) = found["findings"]
    assert finding["code"] == expected
    assert [finding["reason"]] == found["reasons"]
    assert finding["remedy"]


def test_measures_at_their_threshold_are_no_trouble() -> None:
    calm = replace(
        WELL,
        tick_age=thresholds.TICK_LATE,
        unwritten=(1, thresholds.WRITE_LATE),
        loops=[LoopTurn("p", True, 60.0, overdue=thresholds.TURN_LATE)],
        log=LogDelivery(held=thresholds.LOG_HELD, waited=thresholds.LOG_SLOW),
    )
    assert troubles(calm) == []


def test_trouble_that_the_ledger_explains_is_reported_once() -> None:
    away = replace(WELL, away=(9.0, "locked"), unplanned=[("t", 9.0)], unwritten=(1, 9.0))
    assert troubles(away) == []


def test_files_and_an_unread_ledger_are_findings(history: History) -> None:
    found = health(history, broken_files=["x.py:1: no"], unread="it was not read")
    assert [one["code"] for one in found["findings"]] == ["ledger_unread", "file_broken"]


def test_a_node_that_is_down_or_does_not_tick_is_grave(history: History) -> None:
    assert is_grave(health(history, replace(NODE, is_running=False)))
    assert is_grave(health(history, replace(NODE, vitals=replace(WELL, tick_age=6.0))))
    assert not is_grave(health(history, replace(NODE, clock_ahead=9.0)))


def test_a_code_of_another_release_is_read() -> None:
    assert code("tick_late") is TroubleCode.TICK_LATE
    assert code("start_deadline") is ReasonCode.START_DEADLINE
    assert code("of_the_future") is code(None) is TroubleCode.OTHER


def test_damaged_rows_are_one_trouble() -> None:
    rows = [Damage("runs", "r", "arguments", "no JSON")] * 3
    (one,) = damaged(rows)
    assert (one.code, "and 2 more" in one.text) == (TroubleCode.ROWS_DAMAGED, True)
    assert damaged([]) == []


# --- runs that wait ---


def stored(**options: Any) -> StoredTask:
    policy = Policy(**options)
    record = TaskRecord("t", "t", "m:f", "cron", {}, "UTC", "", True, policy, "thread")
    return StoredTask(record, 0, 0, Edits(), None, None, "", 0, None, 1)


def wait(task: StoredTask, *, age: float = 40.0, **scene: Any) -> Wait:
    common: dict[str, Any] = {"tasks": {"t": task}, "running": (), "groups": {}}
    backlog = Backlog(1, NOW - round(age * SECOND))
    return wait_of("t", backlog, WaitFacts(now=NOW, **{**common, **scene}))


OWN = replace(RUN, task_id="t")
GROUPS = {"g": GroupLimit(1, None)}
WAITS: list[tuple[dict[str, Any], dict[str, Any], TroubleCode]] = [
    ({}, {"known": ()}, TroubleCode.WAIT_UNKNOWN),
    ({}, {"stuck": {"t": "x.py:1"}}, TroubleCode.WAIT_STUCK),
    ({"max_running": 1}, {"running": [OWN]}, TroubleCode.WAIT_LIMIT),
    (
        {"group": "g"},
        {"running": [OWN], "groups": {"g": GroupLimit(1, None)}},
        TroubleCode.WAIT_LIMIT,
    ),
    ({"overlap": Overlap.QUEUE}, {"running": [OWN]}, TroubleCode.WAIT_OVERLAP),
    ({}, {"queues": (), "queues_elsewhere": ()}, TroubleCode.WAIT_UNSERVED),
    ({}, {"queues": ()}, TroubleCode.WAIT_ELSEWHERE),
    ({}, {"slots": {"thread": (2, 2)}}, TroubleCode.WAIT_SLOTS),
    ({}, {}, TroubleCode.WAIT_FREE),
]


@pytest.mark.parametrize(("options", "scene", "expected"), WAITS)
def test_each_cause_of_a_wait_has_its_code(
    options: dict[str, Any], scene: dict[str, Any], expected: TroubleCode
) -> None:
    assert wait(stored(**options), **scene).reason.code is expected


def test_a_run_that_could_start_is_late_at_once_and_one_that_waits_is_not() -> None:
    free = wait(stored(), age=6.0)
    assert overdue_waits([free.confirmed()], NOW).troubles == [free.confirmed().reason]
    assert overdue_waits([free], NOW) == ([], [])
    assert overdue_waits([wait(stored(), age=31.0)], NOW).troubles
    behind = wait(stored()).behind_others()
    assert overdue_waits([behind], NOW) == ([], [behind.reason])
    full = wait(stored(), slots={"thread": (2, 2)})
    assert full.confirmed() == full.behind_others() == full
