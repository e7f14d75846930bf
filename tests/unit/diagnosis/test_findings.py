"""What the doctor concludes from evidence that takes days to come about."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from rota.config import Xcorecfg
from rota.core.ports.records import NodeRecord
from rota.core.reasons import Reason, ReasonCode, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.run import Run, State
from rota.core.time import HOUR, SECOND
from rota.definitions.define import define
from rota.diagnosis import growth, machine, missed, not_running, repeated
from rota.diagnosis.doctor import examine
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, Severity
from rota.diagnosis.health import as_json, reasons_of
from rota.diagnosis.run_statistics import Record, pattern
from rota.engine.planning.task_registry import RegisteredTask
from rota.errors import LedgerCorruptError
from tests.integration.cli.test_live import NOW, RUN

HEALTHY = {
    "status": "healthy",
    "reasons": [],
    "node": "a",
    "tick_age": 0.1,
    "oldest_due": None,
    "waiting": 0,
    "running": 0,
    "stuck": [],
    "ledger": {"state": "ok", "latency": 0.001, "url": "sqlite:///rota.db"},
}
CONFIG = Xcorecfg.from_env(environ={})


def job() -> None: ...


def entry(**options: Any) -> RegisteredTask:
    definition = define(job, "interval", "job", options, defaults=CONFIG.manager)
    return RegisteredTask(definition, NOW)


def evidence(**more: Any) -> ProjectEvidence:
    common: dict[str, Any] = {"health": HEALTHY, "entries": [entry(minutes=1)], "mistakes": []}
    return ProjectEvidence(**{"now": NOW, "config": CONFIG, **common, **more})


def warned(found: Iterable[Diagnosis]) -> list[str]:
    return [f"{one.check}: {one.reason.text}" for one in found if one.verdict is Severity.WARN]


def runs(peaks: Sequence[int], node: str = "n") -> list[Run]:
    return [replace(RUN, peak_memory=peak * 2**20, node=node) for peak in peaks]


def series(
    shape: Callable[[int], float], noise: float, count: int = 60, seed: int = 1
) -> list[int]:
    """Return peaks in MiB with noise on them, and a spike now and then."""
    chance = Random(seed)
    return [
        round(100 + shape(run) + chance.gauss(0, noise) + (40 if chance.random() < 0.05 else 0))
        for run in range(count)
    ]


LEAKS: dict[str, Callable[[int], float]] = {
    "a megabyte a run": lambda run: run,
    "half of one": lambda run: run / 2,
    "in steps of eight": lambda run: run // 8 * 8,
}
SOUND: dict[str, Callable[[int], float]] = {
    "nothing": lambda run: 0,
    "start-up": lambda run: 60 * (1 - math.exp(-run / 5)),
    "a slow start-up": lambda run: 60 * (1 - math.exp(-run / 15)),
    "the square root": lambda run: 0 if run < 6 else min(math.sqrt(run), 4) * 10,
    "one step": lambda run: 50 if run > 30 else 0,
    "a late step": lambda run: 50 if run > 50 else 0,
    "two steps": lambda run: (25 if run > 11 else 0) + (25 if run > 47 else 0),
    "up and down": lambda run: 30 * math.sin(run / 4),
    "sawtooth": lambda run: 3 * (run % 12),
    "falling": lambda run: -run,
}


@pytest.mark.parametrize("noise", [0, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_growing_memory_is_distinguished_from_a_warm_up(noise: int, seed: int) -> None:
    for name, shape in LEAKS.items():
        peaks = [peak * 2**20 for peak in series(shape, noise, seed=seed)]
        if noise < 4 or name != "half of one":
            assert growth.growth(peaks) > 20 * 2**20, name
        assert growth.growth(peaks[:29]) == 0
    for name, shape in SOUND.items():
        peaks = [peak * 2**20 for peak in series(shape, noise, seed=seed)]
        assert growth.growth(peaks) == 0, name


def test_seven_runs_of_nothing_are_no_leak() -> None:
    peaks = [60, 70, 80, 85, 88, 90, 91]
    assert warned(growth.findings(evidence(last_runs={"job": runs(peaks)}))) == []


def test_a_leak_is_reported_with_its_figures() -> None:
    found = warned(growth.findings(evidence(last_runs={"job": runs(range(100, 160))})))
    assert "it rises from run to run of job (59 MiB in 60 runs, to 159 MiB)" in found[0]


def test_a_restart_begins_anew() -> None:
    grown = runs(range(100, 140), "former") + runs(range(140, 160), "n")
    assert warned(growth.findings(evidence(last_runs={"job": grown}))) == []


def test_stuck_threads() -> None:
    stuck = [{"task_id": "job", "place": "work.py:7 in job"}]
    (found,) = warned(growth.findings(evidence(health={**HEALTHY, "stuck": stuck})))
    assert "job at work.py:7 in job" in found


def test_a_task_that_takes_longer_than_its_interval() -> None:
    slow = [replace(RUN, started_at=NOW, finished_at=NOW + 90 * SECOND)] * 3
    (found,) = warned(missed.findings(evidence(last_runs={"job": slow})))
    assert "its runs take 1 min 30 s and it fires every 1 min" in found
    beside = [entry(minutes=1, overlap="allow")]
    assert warned(missed.findings(evidence(entries=beside, last_runs={"job": slow}))) == []


def test_what_did_not_run_is_grouped_by_reason() -> None:
    record = Record()
    for minute in range(3):
        reason = f"the run of 2026-01-01T09:0{minute}:00Z was still running on node a"
        record.add(replace(RUN, state=State.SKIPPED, reason=reason))
    record.add(replace(RUN, state=State.MISSED, reason="summary", count=40))
    assert warned(missed.findings(evidence(last_day=record))) == [
        "task copy: missed 40 times: summary",
        "task copy: skipped 3 times: the run of … was still running on node a",
    ]
    assert pattern("run 01ARZ3NDEKTSV4RRFFQ69G5FAV after 7 s") == "run … after … s"


def test_a_run_that_a_person_skipped_is_no_trouble() -> None:
    record = Record()
    skipped = replace(RUN, state=State.SKIPPED, reason="skipped by ada: painters")
    record.add(replace(skipped, reason_code=ReasonCode.BY_HAND))
    assert warned(missed.findings(evidence(last_day=record))) == []
    record.add(replace(skipped, reason_code=ReasonCode.OVERLAP))
    assert len(warned(missed.findings(evidence(last_day=record)))) == 1


def test_the_remedy_is_that_of_the_code_of_the_runs() -> None:
    record = Record()
    missed_run = replace(RUN, state=State.MISSED, reason="it had to wait too long")
    record.add(replace(missed_run, reason_code=ReasonCode.START_DEADLINE))
    record.add(missed_run)  # by a release before
    by_code = {one.reason.code: one.reason for one in missed.findings(evidence(last_day=record))}
    assert "start_deadline" in by_code[ReasonCode.START_DEADLINE].remedy
    assert "catchup" in by_code[TroubleCode.RUNS_MISSED].remedy


def test_runs_whose_worker_died_and_rows_that_cannot_be() -> None:
    record = Record(crashed=Counter(job=2), repeated=[("job", NOW)])
    found = warned(repeated.findings(evidence(last_day=record)))
    assert "two rows for one occurrence of job" in found[0]
    assert "the worker died in 2 of its runs" in found[1]


def test_health_becomes_findings() -> None:
    why = "task job: 9 runs wait, the oldest for 45 s: all 10 slots for thread are taken"
    due = {"at": "2026-01-01T09:00:00Z", "age": 45.0, "why": why, "code": "wait_slots"}
    blocks = reason(TroubleCode.LOOP_BLOCKED, "the task loop has been blocked for 3 s by job")
    listed = reason(TroubleCode.TASK_BROKEN, "task job is broken: hour=25")
    reasons = as_json([blocks, listed])
    health = {**HEALTHY, "status": "degraded", **reasons, "oldest_due": due, "waiting": 9}
    found = list(not_running.findings(evidence(health=health)))
    (blocked,) = [one for one in found if one.check == "health of the node"]
    assert "blocked" in blocked.reason.text
    assert "executor" in blocked.reason.remedy
    slots = next(one for one in found if one.check == "runs that are due")
    assert "9 runs wait, the oldest for 45.0 s" in slots.reason.text
    assert "scheduler_thread_pool" in slots.reason.remedy


def test_the_reasons_of_a_release_before_have_no_code() -> None:
    health = {**HEALTHY, "status": "degraded", "reasons": ["it is blocked by a task"]}
    found = list(not_running.findings(evidence(health=health)))
    (one,) = [one for one in found if one.check == "health of the node"]
    assert one.reason == reason(TroubleCode.OTHER, "it is blocked by a task")
    newer = [{"code": "by_a_later_release", "reason": "text", "remedy": "do this"}]
    assert reasons_of({"reasons": ["text"], "findings": newer}) == [
        Reason(TroubleCode.OTHER, "text", "do this")
    ]


def test_the_doctor_calls_a_wait_long_where_the_health_does() -> None:
    for code, limit in (("wait_startable", 5), ("wait_slots", 30), ("wait_limit", 30)):
        for age, is_long in ((limit - 1, False), (limit + 1, True)):
            due = {"at": "2026-01-01T09:00:00Z", "age": age, "why": "it waits", "code": code}
            found = not_running.findings(evidence(health={**HEALTHY, "oldest_due": due}))
            waiting = next(one for one in found if one.check == "runs that are due")
            assert (waiting.verdict is Severity.WARN) is is_long, (code, age)


def test_slots_are_blamed_only_where_they_are_taken() -> None:
    why = "task report: 9 runs wait, the oldest for 45 s: 1 of 1 running, max_running=1"
    due = {"at": "2026-01-01T09:00:00Z", "age": 45.0, "why": why, "code": "wait_limit"}
    found = list(not_running.findings(evidence(health={**HEALTHY, "oldest_due": due})))
    waiting = next(one for one in found if one.check == "runs that are due")
    assert "1 of 1 running, max_running=1" in waiting.reason.text
    assert "scheduler_thread_pool" not in waiting.reason.remedy
    assert "limit" in waiting.reason.remedy


def test_clocks_that_differ_and_a_ledger_that_is_broken() -> None:
    node = NodeRecord("n", "b", "h", 1, "0", 1, NOW, NOW + HOUR, NOW + 2 * HOUR, "up")
    (found,) = warned(machine.findings(evidence(nodes=[node])))
    assert "b by 1 h" in found
    trouble = LedgerCorruptError("is damaged.", where="rota.db", remedy="Restore a copy.")
    every = examine(evidence(ledger_trouble=trouble))
    assert warned(every["the machine"]) == ["ledger: rota.db: is damaged."]
    assert every["missed executions"] == []
